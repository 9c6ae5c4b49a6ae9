-- I9, over the callers' keys that we still know: a reply is kept whole or not at all, no reply of 5xx is, two keys never stand
-- for one thing, and what was answered well exists. To withdraw an order is idempotent by itself: any number of keys may ask it.
SELECT k.holder || ' ' || k.operation || ' ' || k.created_at AS subject,
       CASE WHEN (k.status IS NULL) <> (k.sealed_body IS NULL) OR k.status IS NOT NULL AND k.headers IS NULL
                THEN 'half a reply is kept'
            WHEN k.status >= 500 THEN format('a reply of %s is kept, which a repeat should not get', k.status)
            WHEN octet_length(k.digest) <> 32 THEN 'its digest is none'
            WHEN twice.subject_id IS NOT NULL THEN 'another key stands for the same thing'
            WHEN k.status < 300 AND k.operation = 'POST /api/orders' AND o.id IS NULL THEN 'answered well, and has no order'
            WHEN k.status < 300 AND t.id IS NULL
                 AND (k.operation = 'POST /payments/request'
                      OR k.operation ~ '^POST (/payments/[^/]+/refund|/api/payments/toss/[^/]+/cancel)$')
                THEN 'answered well, and has no attempt'
       END AS detail
FROM idempotency_keys k
LEFT JOIN (SELECT subject_id FROM idempotency_keys WHERE operation !~ '^POST /api/orders/[^/]+/cancel$'
           GROUP BY subject_id HAVING count(*) > 1) twice
       ON twice.subject_id = k.subject_id
LEFT JOIN orders o ON o.id = k.subject_id
LEFT JOIN payment_transactions t ON t.id = k.subject_id
UNION ALL
-- And over the attempts that took another's place: that one came to nothing, so there is one effect.
SELECT anew.id::text, CASE WHEN old.status <> 'failed' THEN 'asked anew, though the attempt before it is ' || old.status END
FROM payment_transactions anew
JOIN payment_transactions old ON old.id = anew.caused_by AND old.type = anew.type
WHERE anew.type <> 'status_read' AND anew.caused_by IS NOT NULL
