-- I3, over the orders that were paid: the stored answer of Toss is about this order, this amount and this currency, shows an
-- approval, and says what our rows say. An order of 0 won is paid without a payment, and stays so.
SELECT o.id::text AS subject,
       CASE WHEN o.amount = 0 THEN
                CASE WHEN p.id IS NOT NULL THEN 'costs nothing, and has a payment'
                     WHEN o.status <> 'PAID' THEN 'costs nothing, and is ' || o.status
                END
            WHEN p.id IS NULL THEN 'paid, and has no payment'
            WHEN shown.status IS NULL THEN 'paid, and no answer of Toss is stored'
            WHEN shown."orderId" IS DISTINCT FROM o.order_no THEN 'the stored answer is about another order'
            -- Whole won, as a number or as its text.
            WHEN CASE WHEN shown."totalAmount" #>> '{}' ~ '^[0-9]{1,18}([.]0+)?$'
                      THEN (shown."totalAmount" #>> '{}')::numeric END IS DISTINCT FROM o.amount
                THEN 'the stored answer is about another amount'
            WHEN shown.currency IS DISTINCT FROM o.currency THEN 'the stored answer is about another currency'
            -- That it was approved is in the first two; of a cancelled account only its time of approval tells.
            WHEN shown.status NOT IN ('DONE', 'PARTIAL_CANCELED')
                 AND (shown.status <> 'CANCELED' OR shown."approvedAt" IS NULL)
                THEN 'the stored answer shows no approval, but ' || shown.status
            WHEN shown.status <> p.status OR shown."paymentKey" IS DISTINCT FROM p.payment_key
                 OR p.total_amount <> o.amount OR p.order_no <> o.order_no OR p.approved_at IS NULL
                THEN 'the payment is not what the stored answer shows'
            WHEN o.status <> due.status THEN format('the order is %s, its payment makes it %s', o.status, due.status)
       END AS detail
FROM orders o
LEFT JOIN payments p ON p.order_id = o.id
LEFT JOIN LATERAL jsonb_to_record(CASE WHEN jsonb_typeof(p.raw_response) = 'object' THEN p.raw_response ELSE '{}' END)
       AS shown (status text, "orderId" text, "totalAmount" jsonb, currency text, "paymentKey" text, "approvedAt" text)
       ON TRUE
-- payments.model.order_status, for what was approved.
CROSS JOIN LATERAL (
    SELECT CASE WHEN p.balance_amount = 0 THEN 'REFUNDED'
                WHEN p.status = 'PARTIAL_CANCELED' THEN 'PARTIALLY_REFUNDED'
                ELSE 'PAID' END AS status
) due
WHERE o.status IN ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED')
