"""Forgetting a person: their data go, the books and the audit trail's proof stay (ADR 0023)."""
