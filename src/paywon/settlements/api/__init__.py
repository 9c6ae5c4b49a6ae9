"""The doors to what Toss has booked and offers: ``doors``, and what they answer, ``shapes``."""
