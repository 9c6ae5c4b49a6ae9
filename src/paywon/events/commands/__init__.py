"""Use cases of the door outward: endpoints, deliveries, sending again."""
