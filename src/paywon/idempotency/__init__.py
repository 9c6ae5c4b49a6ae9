"""The same write twice, by the same key: one effect, one reply (invariant I9)."""
