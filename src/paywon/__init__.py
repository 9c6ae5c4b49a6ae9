"""A self-hosted payments backend for Toss Payments."""
