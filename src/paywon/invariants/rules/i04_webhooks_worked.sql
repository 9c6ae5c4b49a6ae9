-- I4, over all webhooks: what was stored waits for a look, or ended, and what is parked says why. A look that cannot hear
-- Toss comes back for four and a half hours (inbox/model.py); a webhook that waits and is counted nowhere is lost.
SELECT w.id::text AS subject,
       CASE WHEN w.status = 'received' AND coalesce(w.asked_again_at, w.received_at) < now() - interval '6 hours' THEN 'waits for more than six hours'
            WHEN w.status = 'received' AND (coalesce(l.waiting, 0) = 0 OR coalesce(l.proven_at, l.hinted_at) IS NULL)
                THEN 'waits, and nobody will look'
            WHEN w.status IN ('processed', 'ignored', 'parked') AND w.processed_at IS NULL THEN 'ended, and not said when'
            WHEN w.status = 'parked' AND w.reason IS NULL THEN 'parked without a reason'
            WHEN (w.status = 'rejected') <> (w.verdict = 'rejected') THEN 'its verdict and its status differ'
       END AS detail
FROM webhook_events w
LEFT JOIN webhook_looks l ON l.order_no = w.order_no AND w.status = 'received'
