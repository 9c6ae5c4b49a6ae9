"""The doubtful desk: what no machine can settle, with its evidence, and what people decide about it."""
