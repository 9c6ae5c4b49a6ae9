"""A pet hospital that takes bookings through paywon."""
