"""Stored webhooks as a person sees them."""
