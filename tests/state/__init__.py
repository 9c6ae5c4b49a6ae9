"""A state machine plays whole histories against a running paywon and compares it with a small model."""
