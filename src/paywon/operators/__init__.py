"""Who may do what: API keys for servers."""
