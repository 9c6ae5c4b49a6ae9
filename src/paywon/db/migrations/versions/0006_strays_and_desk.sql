-- Money that Toss took for an order which cannot take it (망취소): one row for each paymentKey.
CREATE TABLE strays (
    id uuid PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES payments (id),
    payment_key text NOT NULL UNIQUE,
    reason text NOT NULL CHECK (reason IN ('ORDER_EXPIRED', 'ORDER_CANCELED', 'ORDER_PAID_ALREADY')),
    balance_amount bigint NOT NULL CHECK (balance_amount >= 0),
    -- A deposit goes back only to an account that somebody names.
    needs_account boolean NOT NULL,
    -- When to ask Toss for the cancel; NULL where it waits for a person, or is done.
    return_at timestamptz,
    last_error text,
    found_at timestamptz NOT NULL,
    returned_at timestamptz,
    CONSTRAINT returned_is_empty CHECK (returned_at IS NULL OR (balance_amount = 0 AND return_at IS NULL))
);
CREATE INDEX strays_to_return ON strays (return_at) WHERE return_at IS NOT NULL;
CREATE INDEX strays_open ON strays (found_at, id) WHERE returned_at IS NULL;

ALTER TABLE payment_transactions
    -- Since when no machine asks about an open attempt any more: it is a person's now.
    ADD COLUMN parked_at timestamptz,
    ADD CONSTRAINT parked_is_open CHECK (parked_at IS NULL OR (status = 'pending' AND resolve_by IS NULL)),
    DROP CONSTRAINT payment_transactions_outcome_check,
    ADD CONSTRAINT payment_transactions_outcome_check
        CHECK (outcome IN ('yes', 'no', 'not_sent', 'unknown', 'decided'));
CREATE INDEX payment_transactions_open ON payment_transactions (created_at, id) WHERE status = 'pending';

-- What people decided at the doubtful desk. A proposal has one operator, what is carried out as a failure has two.
CREATE TABLE desk_decisions (
    id uuid PRIMARY KEY,
    attempt_id uuid REFERENCES payment_transactions (id),
    stray_id uuid REFERENCES strays (id),
    kind text NOT NULL CHECK (kind IN ('reread', 'mark_failed', 'cancel_at_toss')),
    reason text NOT NULL,
    operator text NOT NULL,
    actor text NOT NULL,
    created_at timestamptz NOT NULL,
    seconded_by text,
    second_actor text,
    carried_out_at timestamptz,
    CONSTRAINT about_one_thing CHECK ((attempt_id IS NULL) <> (stray_id IS NULL)),
    CONSTRAINT seconded_by_another CHECK (lower(seconded_by) <> lower(operator)),
    CONSTRAINT failure_needs_two
        CHECK (kind <> 'mark_failed' OR carried_out_at IS NULL OR seconded_by IS NOT NULL)
);
CREATE UNIQUE INDEX desk_decisions_one_proposal ON desk_decisions (attempt_id)
    WHERE kind = 'mark_failed' AND carried_out_at IS NULL;
CREATE INDEX desk_decisions_attempt ON desk_decisions (attempt_id, created_at);
CREATE INDEX desk_decisions_stray ON desk_decisions (stray_id, created_at);
