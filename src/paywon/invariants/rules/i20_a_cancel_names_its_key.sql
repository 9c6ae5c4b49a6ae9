-- I20, over the cancels: each was put to Toss under the paymentKey that its caller named, and was answered about that one.
SELECT t.id::text AS subject,
       CASE WHEN t.named_key <> t.payment_key THEN 'the caller named another paymentKey'
            WHEN t.http_status BETWEEN 200 AND 299 AND t.response_data ->> 'paymentKey' <> t.payment_key
                THEN 'was answered about another paymentKey'
       END AS detail
FROM payment_transactions t
WHERE t.type IN ('refund_request', 'payment_cancellation')
