"""What Toss has booked and what it offers: promotions, transactions, settlements. Read from Toss, kept nowhere."""
