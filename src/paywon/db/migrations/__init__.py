"""Migrations: one Python file that names its place in the order, one SQL file beside it that does the work."""
