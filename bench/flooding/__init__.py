"""A flood of forged webhooks, and what it costs."""
