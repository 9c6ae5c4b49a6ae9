-- Written in the transaction of the intent; the reply follows when it goes out (invariant I9).
CREATE TABLE idempotency_keys (
    holder text NOT NULL,
    key text NOT NULL,
    operation text NOT NULL,
    digest bytea NOT NULL,
    subject_id uuid NOT NULL,
    status integer,
    headers jsonb,
    body bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (holder, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
