"""``/payments/webhook``, and what operators see of what came there: ``/api/ops/webhooks``."""
