"""The HTTP side: Toss's own paths, the control door and the checkout page."""
