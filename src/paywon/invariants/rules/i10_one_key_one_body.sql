-- I10, over the attempts to change something at Toss: each has a provider key that is its own id, so one key stands for one
-- attempt; while it is open its question is sealed whole, so a repeat sends the same body; and the body is about what the row is.
SELECT t.id::text AS subject,
       CASE WHEN t.idempotency_key IS NULL AND (t.status = 'pending' OR t.outcome IS NOT NULL) THEN 'was asked without a key'
            WHEN t.idempotency_key <> t.id::text THEN 'has a key that is not its own'
            WHEN t.type IN ('billing_key_issue', 'billing_key_delete', 'cash_receipt_issue', 'cash_receipt_cancel') THEN NULL
            WHEN t.idempotency_key IS NULL THEN NULL
            WHEN t.status = 'pending' AND t.sealed_request IS NULL THEN 'open, and its question is not sealed for a repeat'
            WHEN asked.body IS NULL THEN 'its question is not on record'
            WHEN asked.body ->> 'orderId' <> p.order_no THEN 'asked about another order'
            WHEN asked.body ->> 'paymentKey' <> t.payment_key THEN 'asked about another paymentKey'
            WHEN COALESCE(asked.body -> 'amount', asked.body -> 'cancelAmount') <> to_jsonb(t.amount) THEN 'asked about another amount'
       END AS detail
FROM payment_transactions t
LEFT JOIN payments p ON p.id = t.payment_id
CROSS JOIN LATERAL (SELECT CASE WHEN jsonb_typeof(t.request_data) = 'object' THEN t.request_data END AS body) asked
WHERE t.type NOT IN ('status_read', 'webhook_received', 'late_answer', 'erasure')
UNION ALL
SELECT t.id::text, CASE WHEN t.idempotency_key IS NOT NULL THEN 'changes nothing, and has a key' END
FROM payment_transactions t
WHERE t.type IN ('status_read', 'late_answer', 'erasure')
