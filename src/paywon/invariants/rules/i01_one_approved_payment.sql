-- I1, over the approved payments: the order has no second one, and Toss never showed us a second paymentKey of this
-- order with money in it that is not on its way back (strays). Only what was last shown of such a key counts: it may have
-- been cancelled since.
WITH strange AS MATERIALIZED (
    -- Most attempts are about the payment's own key; their answers are not even unpacked.
    SELECT t.id
    FROM payment_transactions t
    JOIN payments q ON q.id = t.payment_id
    WHERE q.approved_at IS NOT NULL
      AND (t.payment_key <> q.payment_key
           OR t.payment_key IS NULL AND t.type IN ('billing_charge', 'virtual_account_issue', 'status_read', 'late_answer'))
), newest AS (
    SELECT DISTINCT ON (t.payment_id, t.response_data ->> 'paymentKey') t.payment_id, t.id, t.response_data
    FROM strange
    JOIN payment_transactions t ON t.id = strange.id
    JOIN payments q ON q.id = t.payment_id
    WHERE t.response_data ->> 'paymentKey' <> q.payment_key
      -- Anybody may try another order's key on this one: what Toss then shows is that order's money.
      AND t.response_data ->> 'orderId' = q.order_no
    ORDER BY t.payment_id, t.response_data ->> 'paymentKey', COALESCE(t.closed_at, t.created_at) DESC
)
SELECT p.id::text AS subject,
       CASE WHEN twice.order_id IS NOT NULL THEN 'the order has a second approved payment'
            WHEN other.payment_id IS NOT NULL THEN 'Toss showed money under a second paymentKey: attempt ' || other.shown
       END AS detail
FROM payments p
LEFT JOIN (SELECT order_id FROM payments WHERE approved_at IS NOT NULL GROUP BY order_id HAVING count(*) > 1) twice
       ON twice.order_id = p.order_id
LEFT JOIN (
    SELECT payment_id, min(id::text) AS shown
    FROM newest
    WHERE response_data @? '$ ? ((@.status == "DONE" || @.status == "PARTIAL_CANCELED") && @.balanceAmount > 0)'
      AND NOT EXISTS (SELECT FROM strays s WHERE s.payment_key = newest.response_data ->> 'paymentKey')
    GROUP BY payment_id
) other ON other.payment_id = p.id
WHERE p.approved_at IS NOT NULL
