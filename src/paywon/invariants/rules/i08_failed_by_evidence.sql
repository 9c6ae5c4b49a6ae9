-- I8, over the closed attempts to change something at Toss: what failed was refused by Toss's own word (a 4xx with its code),
-- or a read for its sake showed that it did nothing, or it never left this machine, or two operators decided so at the desk;
-- what succeeded was answered so or seen so.
SELECT t.id::text AS subject,
       CASE WHEN t.outcome = 'unknown' THEN 'closed, though nobody knows what it did'
            WHEN t.outcome = 'decided' AND NOT EXISTS (
                     SELECT FROM desk_decisions d
                     WHERE d.attempt_id = t.id AND d.carried_out_at IS NOT NULL
                       -- What was approved and fits none of our books, one person has cancelled at Toss.
                       AND (d.kind = 'mark_failed' AND d.seconded_by IS NOT NULL
                            OR d.kind = 'cancel_at_toss' AND t.error_code = 'CANCELED_AT_TOSS'))
                THEN 'marked as failed, and no two operators decided it'
            WHEN t.outcome = 'not_sent' AND (t.retry_count > 0 OR t.answered OR t.http_status IS NOT NULL)
                THEN 'closed as not sent, though an earlier ask may have arrived'
            WHEN t.status = 'failed' AND t.outcome = 'no' AND NOT refused.by_answer AND seen.attempt_id IS NULL
                THEN 'failed without evidence of Toss'
            WHEN t.status = 'failed' AND t.outcome IS NULL
                 AND (t.idempotency_key IS NOT NULL OR t.error_code IS DISTINCT FROM 'AMOUNT_MISMATCH')
                THEN 'failed without having been asked'
            WHEN t.outcome = 'yes' AND NOT COALESCE(t.http_status BETWEEN 200 AND 299, FALSE)
                 AND EXISTS (SELECT FROM payment_cancels x WHERE x.attempt_id = t.id)
                THEN 'succeeded without evidence of its own: a listed cancel only looks like it'
            WHEN t.outcome = 'yes' AND NOT COALESCE(t.http_status BETWEEN 200 AND 299, FALSE)
                 AND NOT COALESCE(seen.with_payment, FALSE)
                 AND t.type NOT IN ('billing_key_issue', 'billing_key_delete', 'cash_receipt_issue', 'cash_receipt_cancel')
                THEN 'succeeded without evidence of Toss'
       END AS detail
FROM payment_transactions t
CROSS JOIN LATERAL (
    SELECT t.error_code IS NOT NULL AND t.response_data IS NOT NULL
           -- 409 and 429 are never a refusal (toss/judge.py).
           AND (t.http_status BETWEEN 400 AND 499 AND t.http_status NOT IN (409, 429)
                -- No call reads a billing key: what Toss answered twice, it has decided (billing/model.py).
                OR t.answered AND t.type IN ('billing_key_issue', 'billing_key_delete',
                                             'cash_receipt_issue', 'cash_receipt_cancel')) AS by_answer
) refused
LEFT JOIN (
    -- A read's own answer may have come after the read was given up as abandoned.
    SELECT r.caused_by AS attempt_id, bool_or(COALESCE(late.outcome, r.outcome) = 'yes') AS with_payment
    FROM payment_transactions r
    LEFT JOIN payment_transactions late ON late.type = 'late_answer' AND late.caused_by = r.id
    WHERE r.type = 'status_read' AND r.caused_by IS NOT NULL AND COALESCE(late.outcome, r.outcome) IN ('yes', 'no')
    GROUP BY r.caused_by
) seen ON seen.attempt_id = t.id
WHERE t.status <> 'pending' AND t.type NOT IN ('status_read', 'webhook_received', 'late_answer', 'erasure')
