"""The demo: the whole story told in a terminal, and a small shop in the browser. Served in development only."""
