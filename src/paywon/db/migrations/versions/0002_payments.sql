-- Amounts are whole won. All times have zones. No ON DELETE CASCADE where money is.

CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    prefix text NOT NULL,
    digest bytea NOT NULL UNIQUE,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

CREATE TABLE orders (
    id uuid PRIMARY KEY,
    order_no text NOT NULL UNIQUE CHECK (order_no ~ '^[A-Za-z0-9_-]{6,64}$'),
    user_id text NOT NULL,
    order_name text NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    tax_free_amount bigint NOT NULL DEFAULT 0 CHECK (tax_free_amount BETWEEN 0 AND amount),
    currency text NOT NULL DEFAULT 'KRW' CHECK (currency = 'KRW'),
    status text NOT NULL DEFAULT 'PENDING_PAYMENT' CHECK (
        status IN ('PENDING_PAYMENT', 'PAID', 'PARTIALLY_REFUNDED', 'REFUNDED', 'CANCELED', 'EXPIRED')),
    resource_type text,
    resource_id text,
    fulfilment_kind text NOT NULL DEFAULT 'none' CHECK (fulfilment_kind IN ('none', 'event', 'time_capsule')),
    fulfilment_spec jsonb,
    fulfilment_status text NOT NULL DEFAULT 'NONE' CHECK (
        fulfilment_status IN ('NONE', 'WAITING', 'FULFILLED', 'BLOCKED', 'REVERSED')),
    fulfilment_reason text,
    metadata jsonb,
    expires_at timestamptz NOT NULL,
    paid_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
-- Seed 1: duplicate payment prevention. One open order per thing that is being paid for.
CREATE UNIQUE INDEX orders_one_open_per_resource ON orders (resource_type, resource_id) NULLS NOT DISTINCT
    WHERE status = 'PENDING_PAYMENT' AND resource_id IS NOT NULL;
CREATE INDEX orders_to_expire ON orders (expires_at) WHERE status = 'PENDING_PAYMENT';

CREATE TABLE capsules (
    id uuid PRIMARY KEY,
    order_id uuid NOT NULL UNIQUE REFERENCES orders (id),
    user_id text NOT NULL,
    title text NOT NULL,
    headcount integer NOT NULL CHECK (headcount BETWEEN 1 AND 10),
    view_limit integer NOT NULL,
    time_option text NOT NULL,
    open_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'LOCKED' CHECK (status IN ('LOCKED', 'CANCELED')),
    created_at timestamptz NOT NULL,
    canceled_at timestamptz
);

CREATE TABLE payments (
    id uuid PRIMARY KEY,
    payment_number varchar(30) NOT NULL UNIQUE,
    order_id uuid NOT NULL UNIQUE REFERENCES orders (id),
    order_no text NOT NULL UNIQUE,
    order_name text,
    user_id text NOT NULL,
    resource_type text,
    resource_id text,
    provider text NOT NULL DEFAULT 'toss_payments' CHECK (provider IN ('toss_payments')),
    payment_method text CHECK (payment_method IN ('card', 'transfer', 'virtual_account', 'mobile')),
    payment_key text UNIQUE,
    method text,
    status text NOT NULL CHECK (
        status IN ('READY', 'IN_PROGRESS', 'WAITING_FOR_DEPOSIT', 'DONE', 'CANCELED', 'PARTIAL_CANCELED',
                   'ABORTED', 'EXPIRED')),
    currency text NOT NULL DEFAULT 'KRW' CHECK (currency = 'KRW'),
    total_amount bigint NOT NULL CHECK (total_amount > 0),
    balance_amount bigint CHECK (balance_amount BETWEEN 0 AND total_amount),
    vat bigint,
    supplied_amount bigint,
    tax_free_amount bigint,
    tax_exemption_amount bigint,
    requested_at timestamptz NOT NULL,
    approved_at timestamptz,
    receipt_url text,
    checkout_url text,
    last_transaction_key text,
    card_type text,
    card_company text,
    card_last_four_digits varchar(10),
    card_approval_number text,
    issuer_code text,
    acquirer_code text,
    installment_plan_months integer,
    is_interest_free boolean,
    is_partial_cancelable boolean,
    easy_pay_provider text,
    virtual_account jsonb,
    -- What a DEPOSIT_CALLBACK must know (toss/webhooks.md); only its SHA-256 is kept.
    secret_digest bytea,
    fail_code text,
    fail_message text,
    refund_reason text,
    description text,
    customer jsonb,
    metadata jsonb,
    ip_address text,
    user_agent text,
    raw_response jsonb,
    -- When Toss was asked for the newest fact that this row shows. An older one never overwrites it.
    fact_asked_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- Toss names the payment with its first answer; only before that there is no key.
    CONSTRAINT payment_key_once_named CHECK (payment_key IS NOT NULL OR raw_response IS NULL),
    CONSTRAINT approved_has_evidence CHECK (
        status NOT IN ('DONE', 'PARTIAL_CANCELED', 'WAITING_FOR_DEPOSIT') OR raw_response IS NOT NULL)
);
CREATE INDEX payments_user_status ON payments (user_id, status, created_at);
CREATE INDEX payments_user_page ON payments (user_id, created_at DESC, id DESC);
CREATE INDEX payments_page ON payments (created_at DESC, id DESC);
CREATE INDEX payments_resource ON payments (resource_type, resource_id);

-- The audit trail and the intent log in one: a row is opened before Toss is asked and closed after.
CREATE TABLE payment_transactions (
    id uuid PRIMARY KEY,
    payment_id uuid REFERENCES payments (id),
    type text NOT NULL CHECK (
        type IN ('payment_request', 'payment_confirmation', 'payment_cancellation', 'refund_request',
                 'virtual_account_issue', 'billing_key_issue', 'billing_charge', 'cash_receipt_issue',
                 'status_read', 'webhook_received')),
    status text NOT NULL CHECK (status IN ('pending', 'success', 'failed')),
    payment_key text,
    amount bigint,
    idempotency_key text UNIQUE,
    request_data jsonb,
    response_data jsonb,
    http_status integer,
    -- Toss gave this key its final answer: asking again with it would only replay that (toss/api.md 1.2).
    answered boolean NOT NULL DEFAULT false,
    outcome text CHECK (outcome IN ('yes', 'no', 'not_sent', 'unknown')),
    error_code text,
    error_message text,
    processing_time_ms integer,
    caused_by uuid REFERENCES payment_transactions (id),
    actor text,
    ip_address text,
    user_agent text,
    retry_count integer NOT NULL DEFAULT 0,
    resolve_by timestamptz,
    created_at timestamptz NOT NULL,
    closed_at timestamptz,
    CONSTRAINT closed_when_not_pending CHECK ((status = 'pending') = (closed_at IS NULL))
);
CREATE INDEX payment_transactions_payment ON payment_transactions (payment_id, created_at, id);
CREATE INDEX payment_transactions_payment_key ON payment_transactions (payment_key);
-- One money-moving question to Toss at a time per payment: the database says so, not a check (ARCHITECTURE#the-one-flow-intend-ask-learn).
CREATE UNIQUE INDEX payment_transactions_one_open ON payment_transactions (payment_id)
    WHERE status = 'pending'
      AND type IN ('payment_confirmation', 'payment_cancellation', 'refund_request', 'virtual_account_issue',
                   'billing_charge');
-- The resolver's work list.
CREATE INDEX payment_transactions_to_resolve ON payment_transactions (resolve_by) WHERE status = 'pending';

CREATE TABLE payment_cancels (
    id uuid PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES payments (id),
    attempt_id uuid UNIQUE REFERENCES payment_transactions (id),
    transaction_key text UNIQUE,
    cancel_amount bigint NOT NULL CHECK (cancel_amount > 0),
    cancel_reason text NOT NULL,
    -- PENDING while its attempt is open and the amount is reserved, FAILED when Toss refused; else Toss's word.
    cancel_status text NOT NULL,
    canceled_at timestamptz,
    tax_free_amount bigint,
    tax_exemption_amount bigint,
    receipt_key text,
    refundable_amount bigint,
    card_discount_amount bigint,
    easy_pay_discount_amount bigint,
    transfer_discount_amount bigint,
    raw_response jsonb,
    created_at timestamptz NOT NULL,
    CONSTRAINT done_is_named CHECK (cancel_status <> 'DONE' OR (transaction_key IS NOT NULL AND canceled_at IS NOT NULL))
);
CREATE INDEX payment_cancels_payment ON payment_cancels (payment_id, created_at, id);

CREATE TABLE webhook_events (
    id uuid PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    transmission_id text UNIQUE,
    event_type text NOT NULL,
    order_no text,
    payment_key text,
    verdict text NOT NULL CHECK (verdict IN ('signed', 'secret_matched', 'refetched', 'rejected')),
    status text NOT NULL CHECK (status IN ('received', 'processed', 'ignored', 'parked', 'rejected')),
    reason text,
    headers jsonb NOT NULL,
    body jsonb NOT NULL,
    source_address text,
    repeats integer NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL,
    processed_at timestamptz
);
CREATE INDEX webhook_events_waiting ON webhook_events (received_at) WHERE status IN ('received', 'parked');
CREATE INDEX webhook_events_order ON webhook_events (order_no);
