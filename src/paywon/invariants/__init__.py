"""What must always hold, as queries: run by a schedule, by ``paywon invariants`` and by the tests."""
