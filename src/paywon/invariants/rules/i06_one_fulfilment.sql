-- I6, over the orders that ask for a fulfilment or have a capsule: paid ones have exactly one, or wait for a deposit that is
-- held or for the next try of a hand-over that was too slow, or say why they are blocked; what was refunded or taken back by a bank has none that still counts. Where the
-- application hands over (event), it has taken the order.paid that stands, or is still going to be told. Of what a plug-in
-- hands over, only what it said can be asked: it was handed over or is blocked, and taken back or that failed, on the desk.
SELECT o.id::text AS subject,
       CASE WHEN made.number > 1 THEN 'has more than one capsule'
            WHEN o.fulfilment_kind <> 'time_capsule' AND made.number > 0 THEN 'has a capsule that it never asked for'
            WHEN made.foreign_owner THEN 'its capsule belongs to somebody else'
            WHEN (o.fulfilment_kind = 'none') <> (o.fulfilment_status = 'NONE')
                THEN format('asks for %s and is %s', o.fulfilment_kind, o.fulfilment_status)
            WHEN o.status IN ('PAID', 'PARTIALLY_REFUNDED') THEN
                CASE WHEN o.fulfilment_status = 'REVERSED' THEN 'paid, and its fulfilment is taken back'
                     WHEN o.fulfilment_status = 'BLOCKED' AND o.fulfilment_reason IS NULL THEN 'blocked without a reason'
                     WHEN o.fulfilment_status = 'WAITING' AND o.fulfilment_kind NOT IN ('none', 'event')
                          AND o.fulfilment_reason IS DISTINCT FROM 'DEPOSIT_HELD'
                          AND (p.look_again_at IS NULL OR o.fulfilment_reason NOT LIKE 'FULFILMENT_FAILED%') IS NOT FALSE
                         THEN 'paid, and waits for nothing'
                     WHEN o.fulfilment_reason = 'DEPOSIT_HELD' AND o.fulfilment_status = 'WAITING'
                          AND (p.deposited_at IS NULL OR p.look_again_at IS NULL)
                         THEN 'its deposit is held, and nobody will look again'
                     WHEN o.fulfilment_kind = 'time_capsule'
                          AND (o.fulfilment_status = 'FULFILLED') <> (COALESCE(made.locked, 0) = 1)
                         THEN format('is %s with %s capsules', o.fulfilment_status, COALESCE(made.locked, 0))
                     WHEN o.fulfilment_kind = 'event' AND o.fulfilment_status = 'FULFILLED' AND NOT told.taken
                         THEN 'fulfilled, and nobody has taken its order.paid'
                     WHEN o.fulfilment_kind = 'event' AND o.fulfilment_status = 'WAITING'
                          AND o.fulfilment_reason IS NULL AND NOT told.coming
                         THEN 'waits for the application, which nobody will tell'
                END
            WHEN o.fulfilment_status = 'BLOCKED' AND o.fulfilment_reason LIKE 'REVERSAL_FAILED%' THEN NULL
            WHEN made.locked > 0 THEN format('is %s and still has its capsule', o.status)
            WHEN o.status = 'REFUNDED' AND o.fulfilment_status NOT IN ('NONE', 'REVERSED')
                THEN 'refunded, and its fulfilment is ' || o.fulfilment_status
            WHEN o.status IN ('PENDING_PAYMENT', 'CANCELED', 'EXPIRED') AND o.fulfilment_status IN ('FULFILLED', 'BLOCKED')
                THEN format('is %s, and its fulfilment %s', o.status, o.fulfilment_status)
       END AS detail
FROM orders o
LEFT JOIN payments p ON p.order_id = o.id
LEFT JOIN LATERAL (
    SELECT count(d.delivered_at) > 0 AS taken, count(*) FILTER (WHERE d.status = 'pending') > 0 AS coming
    FROM events e JOIN event_deliveries d ON d.event_id = e.id
    WHERE o.fulfilment_kind = 'event' AND e.stream = o.id AND e.type = 'order.paid' AND e.occurred_at = o.paid_told_at
) told ON true
LEFT JOIN (
    SELECT c.order_id, count(*) AS number, count(*) FILTER (WHERE c.status = 'LOCKED') AS locked,
           bool_or(c.user_id <> x.user_id) AS foreign_owner
    FROM capsules c
    JOIN orders x ON x.id = c.order_id
    GROUP BY c.order_id
) made ON made.order_id = o.id
WHERE o.fulfilment_kind <> 'none' OR o.fulfilment_status <> 'NONE' OR made.order_id IS NOT NULL
