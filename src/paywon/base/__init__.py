"""Leaf values and helpers. Knows no capability, no database and no network."""
