"""The door outward: endpoints of the application that uses paywon, and the delivery of events to them."""
