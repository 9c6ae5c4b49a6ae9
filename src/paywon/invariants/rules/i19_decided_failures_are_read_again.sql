-- I19, over what people took for failed: Toss was heard just before, and is read again later, for it may have been approved.
-- A cash receipt is looked for in Toss's list, which is about no one payment, and moves no money that could come later.
SELECT t.id::text AS subject,
       CASE WHEN NOT EXISTS (
                SELECT FROM payment_transactions r
                WHERE (r.payment_id = t.payment_id OR r.caused_by = t.id)
                  AND r.type = 'status_read' AND r.outcome IN ('yes', 'no')
                  AND r.closed_at BETWEEN t.closed_at - interval '10 minutes' AND t.closed_at + interval '1 minute')
                THEN 'taken for failed, and Toss was not heard just before'
            WHEN t.type NOT IN ('cash_receipt_issue', 'cash_receipt_cancel')
                AND t.closed_at < now() - interval '1 hour' AND p.look_again_at IS NULL AND NOT EXISTS (
                SELECT FROM payment_transactions r
                WHERE r.payment_id = t.payment_id AND r.outcome IN ('yes', 'no') AND r.created_at > t.closed_at)
                THEN 'taken for failed, and nobody has read it since'
       END AS detail
FROM payment_transactions t
JOIN payments p ON p.id = t.payment_id
WHERE t.outcome = 'decided' AND t.error_code = 'MARKED_FAILED'
