-- I17, over the unpaid orders: none is open past its time without a reason, which puts its end off for a while.
SELECT o.id::text AS subject,
       CASE WHEN greatest(o.expires_at, o.expiry_put_off_until) < now() - interval '15 minutes'
            THEN 'overdue for a quarter of an hour, and nothing says why it is open: does a worker run?'
       END AS detail
FROM orders o
WHERE o.status = 'PENDING_PAYMENT'
