-- I14, over the orders that were paid or were told as paid, and over what each endpoint listens to: an order is told as
-- paid exactly once while it stands, and not before a deposit's hold is over; as refunded once; and each event has its
-- delivery to each endpoint that listened to it then. What was paid before there were events says so by the epoch.
SELECT o.id::text AS subject,
       CASE WHEN o.status IN ('PAID', 'PARTIALLY_REFUNDED') AND o.paid_told_at IS NULL
                 AND o.fulfilment_kind = 'none' -- the others are looked after by I6
                 AND (p.deposited_at IS NULL OR p.look_again_at IS NULL)
                THEN 'paid, and nobody will tell it'
            WHEN o.status NOT IN ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED') AND o.paid_told_at IS NOT NULL
                THEN format('is %s, and stands as told to be paid', o.status)
            WHEN o.paid_told_at <> 'epoch' AND said.paid - said.reversed <> 1
                THEN format('stands as paid, told %s times and taken back %s times', said.paid, said.reversed)
            WHEN o.paid_told_at IS NULL AND said.paid > said.reversed
                THEN 'told as paid, and does not stand so'
            WHEN said.refunded > 1 OR (o.status = 'REFUNDED') < (said.refunded = 1)
                 OR (o.status = 'REFUNDED' AND said.refunded = 0 AND o.paid_told_at IS DISTINCT FROM 'epoch')
                THEN format('is %s, and told %s times as refunded', o.status, said.refunded)
       END AS detail
FROM orders o
LEFT JOIN payments p ON p.order_id = o.id
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE e.type = 'order.paid') AS paid,
           count(*) FILTER (WHERE e.type = 'order.payment_reversed') AS reversed,
           count(*) FILTER (WHERE e.type = 'order.refunded') AS refunded
    FROM events e WHERE e.stream = o.id
) said ON true
WHERE o.status IN ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED') OR o.paid_told_at IS NOT NULL OR said.paid > 0
UNION ALL
-- A few seconds are left to clocks that differ, and a week is long enough for what is looked at each hour.
SELECT e.id::text,
       CASE WHEN d.event_id IS NULL THEN format('%s has no delivery to %s', e.type, x.id) END
FROM event_endpoints x
JOIN events e
  ON e.occurred_at > greatest(x.subscribed_at + interval '10 seconds', now() - interval '7 days')
 AND e.type <> 'endpoint.test'
 AND x.events && ARRAY[e.type, split_part(e.type, '.', 1) || '.*', '*']
LEFT JOIN event_deliveries d ON d.event_id = e.id AND d.endpoint_id = x.id
WHERE x.enabled
