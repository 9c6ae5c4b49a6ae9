"""Walking Toss's list of transactions, and reading the payments that differ from our books."""
