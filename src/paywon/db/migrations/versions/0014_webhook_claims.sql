-- What an event claims, to be compared with what a read shows; its own secret's digest, for a proof that comes later.
ALTER TABLE webhook_events
    ADD COLUMN claim jsonb,
    ADD COLUMN secret_digest bytea,
    -- When an event that waits next asks for a look, and how many looks have shown less than it claims.
    ADD COLUMN look_at timestamptz,
    ADD COLUMN looks integer NOT NULL DEFAULT 0,
    -- When it came again, or a person (by) wanted it looked at again.
    ADD COLUMN asked_again_at timestamptz,
    ADD COLUMN asked_again_by text;

UPDATE webhook_events SET claim = jsonb_strip_nulls(
    CASE WHEN event_type = 'CANCEL_STATUS_CHANGED' THEN
             jsonb_build_object('cancels', CASE WHEN transaction_key IS NOT NULL THEN jsonb_build_object(
                 transaction_key, coalesce(body -> 'data' ->> 'cancelStatus', 'DONE')) END)
         ELSE jsonb_build_object(
             'status', coalesce(body -> 'data' ->> 'status', body ->> 'status'),
             'payment_key', payment_key, 'transaction_key', transaction_key) END)
WHERE status IN ('received', 'parked')
  AND event_type IN ('PAYMENT_STATUS_CHANGED', 'DEPOSIT_CALLBACK', 'CANCEL_STATUS_CHANGED');
UPDATE webhook_events SET look_at = received_at WHERE status = 'received';

-- An order's look comes when the first of its events asks for it: one that is proven, or one that is not.
ALTER TABLE webhook_looks
    ADD COLUMN proven_at timestamptz,
    ADD COLUMN hinted_at timestamptz;
UPDATE webhook_looks SET proven_at = CASE WHEN proven THEN not_before END,
                         hinted_at = CASE WHEN NOT proven THEN not_before END
WHERE waiting > 0;
ALTER TABLE webhook_looks DROP COLUMN proven;
