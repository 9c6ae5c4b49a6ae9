"""What the application that uses paywon is told of: events, written in the transaction of the change."""
