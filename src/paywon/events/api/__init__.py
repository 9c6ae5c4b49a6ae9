"""``/api/ops/event-endpoints``, ``/api/ops/events``, ``/api/ops/event-types``."""
