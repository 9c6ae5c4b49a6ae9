"""Each row of docs/specifications.md that can be tried on a running paywon; a test's name begins with its rows."""
