-- I23, over the deposits that something may have been handed over for: until one has been read for about a week after it came, it
-- is going to be read again, for a bank may still take it back.
SELECT p.id::text AS subject,
       CASE WHEN p.look_again_at IS NULL AND p.fact_asked_at < p.deposited_at + interval '6 days'
                THEN 'its deposit is not read again'
            WHEN p.look_again_at < now() - interval '1 hour' THEN 'its deposit should have been read: does a worker run?'
       END AS detail
FROM payments p
WHERE p.deposited_at IS NOT NULL AND p.status IN ('DONE', 'PARTIAL_CANCELED') AND p.balance_amount > 0
