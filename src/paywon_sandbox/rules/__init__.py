"""Toss's payment rules as plain functions on the store's values: no HTTP, no waiting."""
