-- I2, over the payments that have a balance or cancels: what went back and what is reserved fits into the total, and the
-- balance is the total less what went back. Whether Toss counts a cancel that it still works on is not known, so both
-- balances pass. A cancel made elsewhere, say in Toss's dashboard, may come on top of a reservation: that one is then
-- refused by Toss, and nothing went back twice.
SELECT p.id::text AS subject,
       CASE WHEN p.approved_at IS NOT NULL AND p.balance_amount IS NULL THEN 'approved, and has no balance'
            WHEN c.gone + c.going > p.total_amount
                THEN format('%s won went back of %s', c.gone + c.going, p.total_amount)
            WHEN p.balance_amount NOT BETWEEN p.total_amount - c.gone - c.going AND p.total_amount - c.gone
                THEN format('the balance is %s won, the total %s, the cancels %s',
                            p.balance_amount, p.total_amount, c.gone + c.going)
            WHEN c.spoken_for > p.total_amount
                THEN format('%s won are reserved or went back of %s', c.spoken_for, p.total_amount)
            WHEN c.strays > 0 THEN 'an amount is still reserved, though its attempt is closed'
       END AS detail
FROM payments p
LEFT JOIN (
    SELECT r.payment_id,
           COALESCE(sum(r.cancel_amount) FILTER (WHERE r.cancel_status = 'DONE'), 0) AS gone,
           COALESCE(sum(r.cancel_amount) FILTER (WHERE r.cancel_status = 'IN_PROGRESS'), 0) AS going,
           sum(r.cancel_amount) FILTER (
               WHERE r.cancel_status IN ('DONE', 'IN_PROGRESS', 'PENDING')
                 AND NOT (r.attempt_id IS NULL AND r.created_at >= r.first_reserved)) AS spoken_for,
           count(*) FILTER (WHERE r.cancel_status = 'PENDING' AND r.attempt_status IS DISTINCT FROM 'pending') AS strays
    FROM (
        SELECT x.*, t.status AS attempt_status,
               COALESCE(min(x.created_at) FILTER (WHERE x.cancel_status = 'PENDING') OVER (PARTITION BY x.payment_id),
                        'infinity') AS first_reserved
        FROM payment_cancels x
        LEFT JOIN payment_transactions t ON t.id = x.attempt_id AND x.cancel_status = 'PENDING'
    ) r
    GROUP BY r.payment_id
) listed ON listed.payment_id = p.id
CROSS JOIN LATERAL (
    SELECT COALESCE(listed.gone, 0) AS gone, COALESCE(listed.going, 0) AS going,
           COALESCE(listed.spoken_for, 0) AS spoken_for, COALESCE(listed.strays, 0) AS strays
) c
WHERE p.balance_amount IS NOT NULL OR p.approved_at IS NOT NULL OR listed.payment_id IS NOT NULL
UNION ALL
-- And over the refunds that succeeded: each has its cancel. Those of a second paymentKey are none of this payment's, nor
-- are those of money that fits none of our books.
SELECT t.id::text,
       CASE WHEN x.id IS NULL THEN 'the refund succeeded, and has no cancel'
            WHEN x.cancel_status IN ('PENDING', 'FAILED') THEN 'the refund succeeded, and its cancel is ' || x.cancel_status
       END
FROM payment_transactions t
JOIN payments p ON p.id = t.payment_id AND p.payment_key = t.payment_key
LEFT JOIN payment_cancels x ON x.attempt_id = t.id
WHERE t.type IN ('payment_cancellation', 'refund_request') AND t.status = 'success'
  AND NOT EXISTS (SELECT FROM strays s WHERE s.payment_key = t.payment_key AND s.reason = 'UNFIT')
