"""The list of payments: seed 1's history."""
