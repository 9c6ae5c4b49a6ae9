"""The two families of doors, thin, over the same commands: ``seed1`` (/payments) and ``seed2`` (/api/payments/toss)."""
