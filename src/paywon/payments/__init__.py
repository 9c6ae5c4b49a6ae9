"""Request, confirm, cancel; what Toss said of it; the audit trail; the resolver."""
