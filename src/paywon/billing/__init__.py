"""Billing keys: a customer authorises a card once, and orders are charged to it without asking again."""
