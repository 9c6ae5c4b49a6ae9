-- I23, over the deposits of the last week that something may have been handed over for: each is going to be read again, for a
-- bank may still take it back.
SELECT p.id::text AS subject,
       CASE WHEN p.look_again_at IS NULL THEN 'its deposit is not read again'
            WHEN p.look_again_at < now() - interval '1 hour' THEN 'its deposit should have been read: does a worker run?'
       END AS detail
FROM payments p
WHERE p.deposited_at > now() - interval '6 days' AND p.status IN ('DONE', 'PARTIAL_CANCELED') AND p.balance_amount > 0
