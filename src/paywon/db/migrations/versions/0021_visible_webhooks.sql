-- A webhook that was worked stands on the trail of its payment beside the questions to Toss, and is none: it has no column
-- by which a question, an answer or a paymentKey is found, so no query can take it for one.
ALTER TABLE payment_transactions ADD CONSTRAINT webhook_is_no_question CHECK (
    type <> 'webhook_received'
    OR status = 'success' AND NOT answered
       AND num_nonnulls(payment_key, amount, idempotency_key, response_data, http_status, outcome, error_code, error_message,
                        processing_time_ms, caused_by, resolve_by, sealed_request, billing_key_id, named_key) = 0);

-- When and from where a webhook came again: the newest twenty, as (at, source_address, verdict, headers).
ALTER TABLE webhook_events ADD COLUMN repeat_deliveries jsonb NOT NULL DEFAULT '[]';
CREATE INDEX webhook_events_page ON webhook_events (received_at DESC, id DESC);

-- How many deliveries the webhook door did not take, by Korean day and by what was the matter.
CREATE TABLE webhook_refusals (
    day date NOT NULL,
    kind text NOT NULL CHECK (kind IN ('malformed', 'rejected', 'over_limit', 'failed')),
    count bigint NOT NULL CHECK (count > 0),
    last_at timestamptz NOT NULL,
    PRIMARY KEY (day, kind)
);
