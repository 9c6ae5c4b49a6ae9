"""Whether Toss can be heard at all: one row for all workers, written by reads of payments."""
