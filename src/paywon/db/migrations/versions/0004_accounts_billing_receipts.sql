-- Seed 2 has the billing key itself as the primary key. It lets its holder charge the card, so it stands here only
-- sealed, is found by a keyed digest, and our own id takes its place.
CREATE TABLE billing_keys (
    id uuid PRIMARY KEY,
    user_id text,
    customer_key text NOT NULL,
    sealed_key bytea,
    key_digest bytea UNIQUE,
    key_hint text,
    method text,
    card_meta jsonb,
    status text NOT NULL CHECK (status IN ('ISSUING', 'ACTIVE', 'FAILED', 'DELETED')),
    authenticated_at timestamptz,
    deleted_at timestamptz,
    delete_reason text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT active_has_its_key CHECK (status <> 'ACTIVE' OR (sealed_key IS NOT NULL AND key_digest IS NOT NULL)),
    -- Nothing is left of a key that is gone but its digest, which tells that it was ours.
    CONSTRAINT deleted_is_wiped CHECK (status <> 'DELETED' OR sealed_key IS NULL)
);
CREATE INDEX billing_keys_customer ON billing_keys (customer_key, created_at DESC, id DESC);
CREATE INDEX billing_keys_user ON billing_keys (user_id, created_at DESC, id DESC);

ALTER TABLE payment_transactions
    -- What a repeat with the same key must send again and nobody may read: a refund account, a billing key, an
    -- authKey. Gone when the attempt closes (I10, I13).
    ADD COLUMN sealed_request bytea,
    ADD COLUMN billing_key_id uuid REFERENCES billing_keys (id),
    ADD COLUMN billing_period text,
    ADD CONSTRAINT nothing_sealed_once_closed CHECK (closed_at IS NULL OR sealed_request IS NULL),
    DROP CONSTRAINT payment_transactions_type_check,
    ADD CONSTRAINT payment_transactions_type_check CHECK (type IN (
        'payment_request', 'payment_confirmation', 'payment_cancellation', 'refund_request', 'virtual_account_issue',
        'billing_key_issue', 'billing_key_delete', 'billing_charge', 'cash_receipt_issue', 'cash_receipt_cancel',
        'status_read', 'webhook_received'));
-- I12: a period is charged once.
CREATE UNIQUE INDEX payment_transactions_one_charge_a_period ON payment_transactions (billing_key_id, billing_period)
    WHERE type = 'billing_charge' AND billing_period IS NOT NULL AND status IN ('pending', 'success');
CREATE INDEX payment_transactions_billing_key ON payment_transactions (billing_key_id, created_at, id)
    WHERE billing_key_id IS NOT NULL;

CREATE TABLE cash_receipts (
    id uuid PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES payments (id),
    attempt_id uuid UNIQUE REFERENCES payment_transactions (id),
    cancels_id uuid REFERENCES cash_receipts (id),
    receipt_key text UNIQUE,
    issue_number text,
    type text NOT NULL,
    transaction_type text NOT NULL CHECK (transaction_type IN ('CONFIRM', 'CANCEL')),
    amount bigint NOT NULL CHECK (amount > 0),
    tax_free_amount bigint NOT NULL DEFAULT 0 CHECK (tax_free_amount BETWEEN 0 AND amount),
    -- PENDING until Toss has answered, FAILED by Toss or the tax office; IN_PROGRESS and COMPLETED are Toss's.
    issue_status text NOT NULL,
    fail_code text,
    fail_message text,
    receipt_url text,
    customer_hint text,
    requested_at timestamptz,
    look_again_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX cash_receipts_payment ON cash_receipts (payment_id, created_at, id);
CREATE INDEX cash_receipts_to_look_at ON cash_receipts (look_again_at) WHERE look_again_at IS NOT NULL;

ALTER TABLE payments
    ADD COLUMN cash_receipts jsonb,
    -- When we first saw the deposit that stands now: the hold counts from here, by our clock.
    ADD COLUMN deposited_at timestamptz,
    -- When to read this payment of our own accord, because Toss will not tell: a hold ends, an account falls due, a
    -- bank pays a refund out, a webhook may have been lost.
    ADD COLUMN look_again_at timestamptz;
CREATE INDEX payments_to_look_at ON payments (look_again_at) WHERE look_again_at IS NOT NULL;

-- A CANCEL_STATUS_CHANGED names its cancel and nothing else (toss/webhooks.md).
ALTER TABLE webhook_events ADD COLUMN transaction_key text;

-- Replies carry personal data, and one of them a billing key: they are sealed.
DELETE FROM idempotency_keys WHERE body IS NOT NULL;
ALTER TABLE idempotency_keys RENAME COLUMN body TO sealed_body;
