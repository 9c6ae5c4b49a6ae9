CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what stands there stays', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;

-- I5: each step of a payment's status, written by the database itself, so that no code can forget it. One payment's
-- steps are in the order of their ids, for its row is locked while they are written.
CREATE TABLE payment_status_changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES payments (id),
    from_status text,
    to_status text NOT NULL,
    -- A row may follow another paymentKey after a refusal, and then other moves are allowed (payments/model.py).
    from_key text,
    to_key text,
    at timestamptz NOT NULL
);
CREATE INDEX payment_status_changes_payment ON payment_status_changes (payment_id, id);

-- What is known of the payments that are here already: where they stand.
INSERT INTO payment_status_changes (payment_id, from_status, to_status, from_key, to_key, at)
SELECT id, status, status, payment_key, payment_key, updated_at FROM payments ORDER BY id;

CREATE FUNCTION note_payment_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO payment_status_changes (payment_id, from_status, to_status, from_key, to_key, at)
    VALUES (NEW.id, OLD.status, NEW.status, OLD.payment_key, NEW.payment_key, NEW.updated_at);
    RETURN NULL;
END
$$;
CREATE TRIGGER payments_note_first_status AFTER INSERT ON payments
    FOR EACH ROW EXECUTE FUNCTION note_payment_status();
CREATE TRIGGER payments_note_status AFTER UPDATE ON payments
    FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status OR OLD.payment_key IS DISTINCT FROM NEW.payment_key)
    EXECUTE FUNCTION note_payment_status();
CREATE TRIGGER payment_status_changes_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_status_changes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The audit trail's chains (ADR 0016): one per payment, one per billing key for what is about no payment, and for what is
-- about neither, such as reads of lists, one per day.
CREATE TABLE audit_heads (
    anchor uuid PRIMARY KEY,
    length bigint NOT NULL CHECK (length > 0),
    hash bytea NOT NULL
) WITH (fillfactor = 70);

ALTER TABLE payment_transactions ADD COLUMN chain_position bigint, ADD COLUMN chain_hash bytea;

CREATE FUNCTION audit_anchor(t payment_transactions) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT COALESCE(
        t.payment_id, t.billing_key_id,
        -- 22 November 2026, by UTC, is 00000000-0000-0000-0000-000020261122.
        ('00000000-0000-0000-0000-' || lpad((
            extract(year FROM t.created_at AT TIME ZONE 'UTC') * 10000
            + extract(month FROM t.created_at AT TIME ZONE 'UTC') * 100
            + extract(day FROM t.created_at AT TIME ZONE 'UTC'))::int::text, 12, '0'))::uuid)
$$;

-- A closed row's content as one text, the same on every server and in every time zone, and its SHA-256. Trigger and
-- verifier both call it. Left out: what a close empties (sealed_request, resolve_by) and the chain itself. A column
-- that is added later goes to the end, and only where it is not NULL: rows closed before it keep their digest.
CREATE FUNCTION audit_digest(t payment_transactions) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        t.id, t.payment_id, t.type, t.status, t.payment_key, t.amount, t.idempotency_key, t.request_data,
        t.response_data, t.http_status, t.answered, t.outcome, t.error_code, t.error_message, t.processing_time_ms,
        t.caused_by, t.actor, t.ip_address, t.user_agent, t.retry_count, t.billing_key_id, t.billing_period,
        extract(epoch FROM t.created_at), extract(epoch FROM t.closed_at))::text, 'UTF8'))
$$;

-- The head's row is held until the transaction ends, so two closes on one payment take their places one after another.
CREATE FUNCTION chain_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    digest bytea := audit_digest(NEW);
BEGIN
    INSERT INTO audit_heads AS head (anchor, length, hash) VALUES (audit_anchor(NEW), 1, sha256(digest))
    ON CONFLICT (anchor) DO UPDATE SET length = head.length + 1, hash = sha256(head.hash || digest)
    RETURNING head.length, head.hash INTO NEW.chain_position, NEW.chain_hash;
    RETURN NEW;
END
$$;
-- A row that brings its hash along comes from a backup, and keeps its place.
CREATE TRIGGER payment_transactions_chain BEFORE INSERT OR UPDATE ON payment_transactions
    FOR EACH ROW WHEN (NEW.closed_at IS NOT NULL AND NEW.chain_hash IS NULL) EXECUTE FUNCTION chain_attempt();

DO $$
DECLARE
    closed uuid;
BEGIN
    FOR closed IN SELECT id FROM payment_transactions WHERE closed_at IS NOT NULL ORDER BY closed_at, id LOOP
        UPDATE payment_transactions SET closed_at = closed_at WHERE id = closed;
    END LOOP;
END
$$;

ALTER TABLE payment_transactions
    ADD CONSTRAINT chained_once_closed
        CHECK ((closed_at IS NULL) = (chain_hash IS NULL) AND (closed_at IS NULL) = (chain_position IS NULL)),
    -- An answer that came after its attempt was closed: a row of its own, under caused_by; it decides nothing.
    DROP CONSTRAINT payment_transactions_type_check,
    ADD CONSTRAINT payment_transactions_type_check CHECK (type IN (
        'payment_request', 'payment_confirmation', 'payment_cancellation', 'refund_request', 'virtual_account_issue',
        'billing_key_issue', 'billing_key_delete', 'billing_charge', 'cash_receipt_issue', 'cash_receipt_cancel',
        'status_read', 'webhook_received', 'late_answer'));

-- The runs of `paywon invariants` and of the schedule; the newest hundred are kept.
CREATE TABLE invariant_runs (
    id uuid PRIMARY KEY,
    origin text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL
);
CREATE TABLE invariant_results (
    run_id uuid NOT NULL REFERENCES invariant_runs (id) ON DELETE CASCADE,
    invariant text NOT NULL,
    -- NULL where there is nothing to count: held by the code, or the query did not finish.
    checked bigint,
    violations bigint NOT NULL,
    samples jsonb NOT NULL,
    trouble text,
    elapsed_ms integer NOT NULL,
    PRIMARY KEY (run_id, invariant)
);

-- What is closed stays as it is.
CREATE TRIGGER payment_transactions_closed_stay BEFORE UPDATE OR DELETE ON payment_transactions
    FOR EACH ROW WHEN (OLD.chain_hash IS NOT NULL) EXECUTE FUNCTION refuse_change();
