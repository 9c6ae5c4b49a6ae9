"""A stand-in for Toss Payments that needs no network and no account."""
