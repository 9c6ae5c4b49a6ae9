"""Values, clock, store: what the sandbox knows, with no HTTP in it."""
