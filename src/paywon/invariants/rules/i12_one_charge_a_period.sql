-- I12, over the billing keys' periods: at most one order was charged. A charge also counts that came through although its
-- attempt says otherwise: the payment shows a billing approval that no attempt of it claims. One that went back whole does not.
SELECT charged.billing_key_id || ' ' || charged.billing_period AS subject,
       CASE WHEN count(DISTINCT charged.payment_id) FILTER (WHERE charged.came_through) > 1
            THEN 'charged more than once: ' || string_agg(DISTINCT charged.payment_id::text, ', ')
                                              FILTER (WHERE charged.came_through)
       END AS detail
FROM (
    SELECT t.billing_key_id, t.billing_period, t.payment_id,
           NOT coalesce(p.approved_at IS NOT NULL AND p.balance_amount = 0, false)
           AND (t.status = 'success'
           OR p.approved_at IS NOT NULL AND p.raw_response ->> 'type' = 'BILLING'
              AND NOT EXISTS (SELECT FROM payment_transactions own
                              WHERE own.payment_id = t.payment_id AND own.type = 'billing_charge'
                                AND own.status = 'success')) AS came_through
    FROM payment_transactions t
    LEFT JOIN payments p ON p.id = t.payment_id
    WHERE t.type = 'billing_charge' AND t.billing_key_id IS NOT NULL AND t.billing_period IS NOT NULL
) charged
GROUP BY charged.billing_key_id, charged.billing_period
