-- I16, over the open questions: none that known facts exclude. A cancel of which nothing is left at Toss, whose key has its
-- final failure and which no listed cancel looks like; a confirm under a key that was read as over while the order is paid under
-- another; a question about a billing key or a cash receipt that has ended. A read made for it, or the row, has shown so for
-- half a minute, which is more than a round of the resolver.
SELECT t.id::text AS subject,
       CASE WHEN t.type IN ('refund_request', 'payment_cancellation') AND p.balance_amount = 0
                 AND p.payment_key = t.payment_key AND t.answered AND t.http_status NOT BETWEEN 200 AND 299
                 AND mine.id IS NOT NULL AND mine.transaction_key IS NULL AND shown.zero_since < now() - interval '30 seconds'
                THEN 'a refund is open of which nothing is left'
            WHEN t.type = 'payment_confirmation' AND t.payment_key <> p.payment_key AND p.approved_at IS NOT NULL
                 AND shown.over_since < now() - interval '30 seconds'
                THEN 'a confirm is open whose key is over, and the order is paid under another'
            WHEN t.type = 'billing_key_delete' AND k.status = 'DELETED' AND k.updated_at < now() - interval '1 minute'
                THEN 'asks to delete a key that is deleted'
            WHEN t.type = 'billing_key_issue' AND k.status IN ('ACTIVE', 'FAILED')
                 AND k.updated_at < now() - interval '1 minute'
                THEN 'asks for a key that is there, or will never be'
            WHEN t.type IN ('cash_receipt_issue', 'cash_receipt_cancel') AND r.issue_status NOT IN ('PENDING')
                 AND r.updated_at < now() - interval '1 minute'
                THEN 'asks about a receipt that has ended'
       END AS detail
FROM payment_transactions t
LEFT JOIN payments p ON p.id = t.payment_id
LEFT JOIN payment_cancels mine ON mine.attempt_id = t.id
LEFT JOIN billing_keys k ON k.id = t.billing_key_id
LEFT JOIN cash_receipts r ON r.attempt_id = t.id
LEFT JOIN LATERAL (
    SELECT min(s.closed_at) FILTER (WHERE s.response_data ->> 'balanceAmount' = '0') AS zero_since,
           min(s.closed_at) FILTER (WHERE s.response_data ->> 'status' IN ('ABORTED', 'EXPIRED')
                                      AND s.response_data ->> 'paymentKey' = t.payment_key) AS over_since
    FROM payment_transactions s
    WHERE s.caused_by = t.id AND s.payment_id = t.payment_id AND s.type = 'status_read' AND s.outcome = 'yes'
) shown ON TRUE
WHERE t.status = 'pending' AND t.type NOT IN ('status_read', 'webhook_received')
