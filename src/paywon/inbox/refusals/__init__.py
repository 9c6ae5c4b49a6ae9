"""Deliveries that the webhook door did not take: how many, by day and by what was the matter."""
