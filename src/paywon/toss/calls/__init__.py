"""The calls by subject: each class adds its methods to the transport; `client.TossClient` is all of them."""
