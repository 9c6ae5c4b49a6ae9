"""Webhooks in: store first, then work."""
