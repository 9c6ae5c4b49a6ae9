-- I7, over all attempts: open xor closed, a closed one says what came of it, an open one has somebody to finish it, or is
-- parked on the desk. What was refused before Toss was asked (a wrong amount) has no key, no answer and no duration. A webhook
-- is no question, and nothing answered it.
SELECT t.id::text AS subject,
       CASE WHEN (t.status = 'pending') <> (t.closed_at IS NULL) THEN 'open and closed at once'
            -- Two hosts' clocks may differ a little.
            WHEN t.closed_at < t.created_at - interval '1 minute' THEN 'closed before it was opened'
            WHEN t.status = 'pending' AND t.resolve_by IS NULL AND t.parked_at IS NULL THEN 'open, and nobody will take it up'
            WHEN t.status = 'pending' AND t.resolve_by < now() - interval '1 hour'
                THEN 'open, and overdue for more than an hour: does a worker run?'
            WHEN t.status <> 'pending' AND t.outcome IS NULL AND t.type <> 'webhook_received'
                 AND (t.idempotency_key IS NOT NULL OR t.http_status IS NOT NULL OR t.error_code IS NULL
                      OR t.type IN ('status_read', 'late_answer') OR t.closed_at <> t.created_at)
                THEN 'closed, and not said what came of it'
            WHEN (t.status = 'success') <> (t.outcome = 'yes') AND t.status <> 'pending'
                THEN format('%s with the outcome %s', t.status, t.outcome)
       END AS detail
FROM payment_transactions t
UNION ALL
-- And over the payments that show an answer of Toss: an attempt brought it; also one of another order, on which somebody
-- tried this payment's key.
SELECT p.id::text,
       CASE WHEN brought.payment_id IS NULL
             AND NOT EXISTS (SELECT FROM payment_transactions t WHERE t.response_data ->> 'orderId' = p.order_no
                             AND t.http_status BETWEEN 200 AND 299) THEN 'shows an answer of Toss that no attempt brought' END
FROM payments p
LEFT JOIN (
    SELECT DISTINCT payment_id FROM payment_transactions WHERE response_data IS NOT NULL AND http_status BETWEEN 200 AND 299
) brought ON brought.payment_id = p.id
WHERE p.raw_response IS NOT NULL
