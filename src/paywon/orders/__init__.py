"""What is being paid for."""
