-- I18, over the questions that a read has shown to have failed: what it showed was about the payment. That Toss does not know
-- our contract (NOT_FOUND_MERCHANT) is no word about any payment.
SELECT t.id::text AS subject,
       CASE WHEN NOT EXISTS (
                SELECT FROM payment_transactions r
                WHERE r.caused_by = t.id AND r.type = 'status_read'
                  AND (r.outcome = 'yes' OR r.error_code = ANY ($1)
                       OR EXISTS (SELECT FROM payment_transactions late
                                  WHERE late.caused_by = r.id AND late.type = 'late_answer' AND late.outcome = 'yes')))
            THEN 'failed by a read that says nothing of the payment: ' || coalesce(t.error_code, 'no code')
       END AS detail
FROM payment_transactions t
WHERE t.status = 'failed' AND t.outcome = 'no' AND t.payment_id IS NOT NULL
  AND t.type IN ('payment_request', 'payment_confirmation', 'payment_cancellation', 'refund_request',
                 'virtual_account_issue', 'billing_charge')
  -- Toss refused the question itself, by a 4xx that refuses (toss/judge.py).
  AND NOT coalesce(t.http_status BETWEEN 400 AND 499 AND t.http_status NOT IN (409, 429)
                   AND t.response_data IS NOT NULL AND t.error_code IS NOT DISTINCT FROM t.response_data ->> 'code', FALSE)
