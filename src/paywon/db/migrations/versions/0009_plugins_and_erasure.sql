-- A plug-in's kind is the name of its entry point.
ALTER TABLE orders
    DROP CONSTRAINT orders_fulfilment_kind_check,
    ADD CONSTRAINT orders_fulfilment_kind_check CHECK (fulfilment_kind ~ '^[a-z][a-z0-9_]{0,39}$');

-- An erasure is a row of the chain itself: what was taken out of which rows can be proven, and cannot be denied.
ALTER TABLE payment_transactions
    DROP CONSTRAINT payment_transactions_type_check,
    ADD CONSTRAINT payment_transactions_type_check CHECK (type IN (
        'payment_request', 'payment_confirmation', 'payment_cancellation', 'refund_request', 'virtual_account_issue',
        'billing_key_issue', 'billing_key_delete', 'billing_charge', 'cash_receipt_issue', 'cash_receipt_cancel',
        'status_read', 'webhook_received', 'late_answer', 'erasure'));

-- Who was forgotten when by whom, and how many rows that was; never who it had been.
CREATE TABLE privacy_acts (
    id uuid PRIMARY KEY,
    pseudonym text NOT NULL,
    operator text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    rows jsonb NOT NULL
);
CREATE INDEX privacy_acts_pseudonym ON privacy_acts (pseudonym, started_at);

-- A closed attempt that a person was taken out of: the digest that its chain was made with, and the one that it has now.
CREATE TABLE audit_erasures (
    row_id uuid PRIMARY KEY REFERENCES payment_transactions (id),
    -- The row of the same chain that holds erasure_digest() of all that was erased with it.
    record_id uuid NOT NULL REFERENCES payment_transactions (id),
    digest_before bytea NOT NULL,
    digest_after bytea NOT NULL
);
CREATE INDEX audit_erasures_record ON audit_erasures (record_id);
CREATE TRIGGER audit_erasures_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_erasures
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION erasure_digest(record uuid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(string_agg(uuid_send(row_id) || digest_before || digest_after, ''::bytea ORDER BY row_id)), 'hex')
    FROM audit_erasures WHERE record_id = record
$$;

-- What a closed row counts as in its chain: itself, or, where a person was taken out of it on record, what it was.
CREATE FUNCTION audit_digest_of_record(t payment_transactions) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT e.digest_before
         FROM audit_erasures e JOIN payment_transactions r ON r.id = e.record_id
         WHERE e.row_id = t.id AND e.digest_after = audit_digest(t) AND r.type = 'erasure'
           AND audit_anchor(r) = audit_anchor(t) AND r.request_data ->> 'digest' = erasure_digest(r.id)),
        audit_digest(t))
$$;

-- Closed rows stay, but for what tells of a person, and for that only with its record.
CREATE FUNCTION guard_closed_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    personal text[] := ARRAY['request_data', 'response_data', 'actor', 'ip_address', 'user_agent'];
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - personal = to_jsonb(OLD) - personal AND EXISTS (
        SELECT FROM audit_erasures e
        WHERE e.row_id = OLD.id AND e.digest_before = audit_digest(OLD) AND e.digest_after = audit_digest(NEW)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% of % is refused: what stands there stays', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
DROP TRIGGER payment_transactions_closed_stay ON payment_transactions;
CREATE TRIGGER payment_transactions_closed_stay BEFORE UPDATE OR DELETE ON payment_transactions
    FOR EACH ROW WHEN (OLD.chain_hash IS NOT NULL) EXECUTE FUNCTION guard_closed_attempt();
