-- I15, over the payments that Toss has named: what Toss was last seen to show (status, balance) is what our books show, or the
-- difference is an open, visible case: a question that is open, a read that is planned, a webhook that waits, money that has
-- to go back, a difference on its way. What was seen before our own state was evidenced is old news.
SELECT p.id::text AS subject,
       CASE WHEN open_case.there THEN NULL
            WHEN seen.status IS NOT NULL
                THEN format('Toss was seen to show %s with %s won left, the books say %s with %s',
                            seen.status, seen.balance, p.status, p.balance_amount)
            WHEN told.there THEN 'a webhook counts as answered that shows more than the books'
            WHEN refused.there THEN 'Toss refused what the books allow, and nobody has read it since'
       END AS detail
FROM payments p
CROSS JOIN LATERAL (
    SELECT p.look_again_at IS NOT NULL
        OR EXISTS (SELECT FROM payment_transactions t WHERE t.payment_id = p.id AND t.status = 'pending')
        OR EXISTS (SELECT FROM webhook_looks l WHERE l.order_no = p.order_no AND l.waiting > 0)
        OR EXISTS (SELECT FROM strays s WHERE s.payment_id = p.id AND s.returned_at IS NULL)
        OR EXISTS (SELECT FROM reconciliation_differences d
                   WHERE d.payment_key = p.payment_key AND d.settled_at IS NULL) AS there
) open_case
LEFT JOIN LATERAL (
    SELECT t.response_data ->> 'status' AS status, t.response_data ->> 'balanceAmount' AS balance
    FROM payment_transactions t
    WHERE t.payment_id = p.id AND t.response_data ->> 'paymentKey' = p.payment_key
      AND t.http_status BETWEEN 200 AND 299 AND t.type <> 'late_answer'
      AND (t.response_data ->> 'status', split_part(t.response_data ->> 'balanceAmount', '.', 1))
          IS DISTINCT FROM (p.status, p.balance_amount::text)
      AND NOT EXISTS (
          -- Our own state was evidenced while that was asked, or later: by an answer, or by a refusal of the key.
          SELECT FROM payment_transactions e
          WHERE e.payment_id = p.id AND coalesce(e.closed_at, now()) >= t.created_at
            AND (e.http_status BETWEEN 200 AND 299 AND e.response_data ->> 'paymentKey' = p.payment_key
                 AND e.response_data ->> 'status' = p.status
                 AND split_part(e.response_data ->> 'balanceAmount', '.', 1) = p.balance_amount::text
              OR p.status IN ('ABORTED', 'EXPIRED') AND e.outcome = 'no' AND e.payment_key = p.payment_key))
    ORDER BY t.created_at DESC LIMIT 1
) seen ON TRUE
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM webhook_events w
        WHERE w.order_no = p.order_no AND w.status = 'processed' AND w.claim ->> 'payment_key' = p.payment_key
          AND w.claim ->> 'status' IN ('CANCELED', 'PARTIAL_CANCELED') AND p.status <> 'CANCELED'
          AND w.claim ->> 'transaction_key' IS DISTINCT FROM p.last_transaction_key
          AND NOT EXISTS (SELECT FROM payment_cancels c
                          WHERE c.payment_id = p.id AND c.transaction_key = w.claim ->> 'transaction_key')) AS there
) told
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM payment_transactions t
        WHERE t.payment_id = p.id AND t.payment_key = p.payment_key AND t.status = 'failed' AND t.error_code = ANY ($1)
          AND t.type IN ('refund_request', 'payment_cancellation')
          AND NOT EXISTS (SELECT FROM payment_transactions r
                          WHERE r.payment_id = p.id AND r.outcome = 'yes' AND r.created_at >= t.created_at)) AS there
) refused
WHERE p.payment_key IS NOT NULL
