-- What webhooks ask for: one row an order, however many speak of it. A worker takes what is due and reads it from Toss.
CREATE TABLE webhook_looks (
    order_no text PRIMARY KEY,
    -- How many webhooks of this order are stored as received, and whether one of them is proven to be Toss's.
    waiting integer NOT NULL CHECK (waiting >= 0),
    proven boolean NOT NULL,
    -- No look before; where nothing is proven, none before patient_until either.
    not_before timestamptz NOT NULL,
    patient_until timestamptz NOT NULL,
    -- How many looks in a row taught nothing, and how many could not hear Toss.
    idle integer NOT NULL DEFAULT 0,
    unheard integer NOT NULL DEFAULT 0
);
CREATE INDEX webhook_looks_due ON webhook_looks (not_before) WHERE waiting > 0;

-- How many looks that nothing proves were granted in the minute that runs: one row, for all workers.
CREATE TABLE webhook_budget (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    minute timestamptz NOT NULL,
    granted integer NOT NULL
);

-- What nobody misses: deleted when there is too much of it, or when it is old.
CREATE INDEX webhook_events_nobodys ON webhook_events (received_at) WHERE status IN ('ignored', 'rejected');
CREATE INDEX webhook_events_unknown ON webhook_events (received_at) WHERE reason = 'UNKNOWN_ORDER';

-- What waits, or waited for a person, without being about an order of ours.
UPDATE webhook_events SET status = 'ignored', reason = 'UNKNOWN_ORDER', processed_at = coalesce(processed_at, now())
WHERE verdict = 'refetched' AND (status = 'received' OR (status = 'parked' AND reason = 'UNKNOWN_ORDER'))
  AND NOT EXISTS (SELECT FROM orders WHERE orders.order_no = webhook_events.order_no);

INSERT INTO webhook_looks (order_no, waiting, proven, not_before, patient_until)
SELECT order_no, count(*), bool_or(verdict <> 'refetched'), now(), now()
FROM webhook_events WHERE status = 'received' AND order_no IS NOT NULL GROUP BY 1;

DELETE FROM pgqueuer WHERE entrypoint = 'inbox.work';
