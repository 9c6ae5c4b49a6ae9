"""Cash receipts (현금영수증) for payments: issued and cancelled at Toss, followed until the tax office has answered."""
