"""Money that came for an order which cannot take it, and has to go back (망취소)."""
