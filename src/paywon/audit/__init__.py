"""The audit trail's hash chain: finds any closed row of it that was changed, removed or inserted (ADR 0016)."""
