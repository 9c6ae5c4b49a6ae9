-- I4, over all webhooks: what was stored is worked by a job, or ended, and what is parked says why. A job that cannot hear
-- Toss comes back for four and a half hours (queue/jobs.py) and is then held; a webhook that waits for nobody is lost.
SELECT w.id::text AS subject,
       CASE WHEN w.status = 'received' AND w.received_at < now() - interval '6 hours' THEN 'waits for more than six hours'
            WHEN w.status = 'received' AND job.status IS NULL AND w.received_at < now() - interval '1 minute'
                THEN 'waits, and has no job'
            WHEN w.status = 'received' AND job.status NOT IN ('queued', 'picked') THEN 'waits, and its job is held'
            WHEN w.status IN ('processed', 'ignored', 'parked') AND w.processed_at IS NULL THEN 'ended, and not said when'
            WHEN w.status = 'parked' AND w.reason IS NULL THEN 'parked without a reason'
            WHEN (w.status = 'rejected') <> (w.verdict = 'rejected') THEN 'its verdict and its status differ'
       END AS detail
FROM webhook_events w
LEFT JOIN (
    -- Only our own jobs carry such a payload.
    SELECT CASE WHEN entrypoint = 'inbox.work' THEN convert_from(payload, 'UTF8')::jsonb ->> 'eventId' END AS event_id,
           min(status) AS status
    FROM pgqueuer
    GROUP BY 1
) job ON job.event_id = w.id::text AND w.status = 'received'
