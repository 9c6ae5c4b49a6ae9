"""The demo: its story in the terminal, and its pages over plain HTTP."""
