"""Finding what was missed: Toss's list of transactions, compared with our books again and again."""
