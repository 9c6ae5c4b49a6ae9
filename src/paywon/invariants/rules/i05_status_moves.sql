-- I5, over all steps that payments took: each was allowed, they join without a gap, and the last is where the payment stands.
-- $1, $2: the allowed moves, from and to; $3: the statuses in which a row may follow another paymentKey; $4: those that
-- another key's news does not bring. All four come from payments/model.py.
WITH steps AS (
    SELECT c.*,
           lag(c.id) OVER one AS before,
           lag(c.to_status) OVER one AS before_status,
           lag(c.to_key) OVER one AS before_key,
           lead(c.id) OVER one AS next
    FROM payment_status_changes c
    WINDOW one AS (PARTITION BY c.payment_id ORDER BY c.id)
), allowed AS (
    SELECT * FROM unnest($1::text[], $2::text[]) AS move (from_status, to_status)
)
SELECT s.payment_id::text AS subject,
       CASE WHEN s.before IS NULL AND s.from_status IS NULL AND s.to_status <> 'READY' THEN 'began as ' || s.to_status
            WHEN s.before IS NOT NULL AND s.from_status IS NULL THEN 'began a second time'
            WHEN s.before IS NOT NULL
                 AND (s.before_status <> s.from_status OR s.before_key IS DISTINCT FROM s.from_key)
                THEN format('a step is missing before %s → %s', s.from_status, s.to_status)
            WHEN s.from_key IS NOT NULL AND s.to_key IS DISTINCT FROM s.from_key
                 AND (s.to_key IS NULL OR s.from_status <> ALL ($3::text[]) OR s.to_status = ANY ($4::text[]))
                THEN format('%s → %s, of another paymentKey', s.from_status, s.to_status)
            WHEN s.to_key IS NOT DISTINCT FROM COALESCE(s.from_key, s.to_key) AND s.from_status <> s.to_status
                 AND a.from_status IS NULL
                THEN format('%s → %s', s.from_status, s.to_status)
            WHEN s.from_status = 'DONE' AND s.to_status = 'WAITING_FOR_DEPOSIT' AND NOT EXISTS (
                     SELECT FROM payment_transactions t
                     WHERE t.payment_id = s.payment_id AND t.outcome = 'yes'
                       AND t.response_data ->> 'status' = 'WAITING_FOR_DEPOSIT'
                       AND t.closed_at BETWEEN s.at AND s.at + interval '5 minutes')
                THEN 'DONE → WAITING_FOR_DEPOSIT, and no read showed it'
            WHEN s.next IS NULL AND (p.status <> s.to_status OR p.payment_key IS DISTINCT FROM s.to_key)
                THEN format('the payment is %s, its steps end at %s', p.status, s.to_status)
       END AS detail
FROM steps s
JOIN payments p ON p.id = s.payment_id
LEFT JOIN allowed a ON a.from_status = s.from_status AND a.to_status = s.to_status
UNION ALL
SELECT p.id::text, 'its steps are gone'
FROM payments p
WHERE NOT EXISTS (SELECT FROM payment_status_changes c WHERE c.payment_id = p.id)
