-- I21, over the parked webhooks: a person can have each looked at again (POST /api/ops/webhooks/{id}/reprocess), because it is
-- about an order of ours; or it says that no such order is known.
SELECT w.id::text AS subject,
       CASE WHEN w.look_at IS NOT NULL THEN 'parked, and waits for a look at once'
            WHEN w.reason IS DISTINCT FROM 'UNKNOWN_ORDER'
                 AND (w.event_type <> ALL ($1) OR NOT EXISTS (SELECT FROM orders o WHERE o.order_no = w.order_no))
                THEN 'parked, and nobody can do anything about it'
       END AS detail
FROM webhook_events w
WHERE w.status = 'parked'
