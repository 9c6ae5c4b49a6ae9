"""What the sandbox tells the merchant by itself, and the sender that does it."""
