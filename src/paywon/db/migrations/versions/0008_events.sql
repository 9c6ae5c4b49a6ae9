-- What the application that uses paywon is told: written in the transaction of the change, and never changed.
CREATE TABLE events (
    id uuid PRIMARY KEY,
    -- The order in which a stream's events came about: who writes one holds the row that the stream is named after.
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    type text NOT NULL,
    -- An order with its payment and its capsule, or a billing key: what the order of delivery is kept for.
    stream uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    data jsonb NOT NULL,
    dedupe_key text
);
CREATE INDEX events_stream ON events (stream, seq);
CREATE INDEX events_occurred ON events USING brin (occurred_at);
CREATE UNIQUE INDEX events_once ON events (dedupe_key) WHERE dedupe_key IS NOT NULL;
CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE event_endpoints (
    id uuid PRIMARY KEY,
    url text NOT NULL,
    description text,
    -- Types, groups (payment.*), or everything (*).
    events text[] NOT NULL CHECK (cardinality(events) > 0),
    enabled boolean NOT NULL,
    -- From when on each event that it listens to has its delivery.
    subscribed_at timestamptz NOT NULL,
    -- AES-GCM under the key ring. While a rotation overlaps, both sign.
    sealed_secret bytea,
    sealed_previous_secret bytea,
    previous_secret_until timestamptz,
    -- The first failure since the last success.
    failing_since timestamptz,
    disabled_at timestamptz,
    disabled_reason text CHECK (disabled_reason IN ('OPERATOR', 'GONE', 'FAILING')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT disabled_says_since_when_and_why
        CHECK (enabled = (disabled_at IS NULL) AND enabled = (disabled_reason IS NULL)),
    CONSTRAINT there_is_a_secret_until_it_is_deleted CHECK ((deleted_at IS NULL) = (sealed_secret IS NOT NULL)),
    CONSTRAINT deleted_gets_nothing CHECK (deleted_at IS NULL OR NOT enabled),
    CONSTRAINT previous_secret_ends CHECK ((sealed_previous_secret IS NULL) = (previous_secret_until IS NULL))
);
CREATE INDEX event_endpoints_page ON event_endpoints (created_at, id) WHERE deleted_at IS NULL;

CREATE TABLE event_deliveries (
    event_id uuid NOT NULL REFERENCES events (id),
    endpoint_id uuid NOT NULL REFERENCES event_endpoints (id),
    -- The event's own, so that its place in the stream is found in one index.
    stream uuid NOT NULL,
    seq bigint NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed', 'canceled')),
    -- How often it was taken up, and how often that failed since it was last asked for: the step of the ladder.
    attempts integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    next_at timestamptz,
    -- A worker's claim; one that dies loses it then.
    leased_until timestamptz,
    reason text,
    delivered_at timestamptz,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (event_id, endpoint_id),
    CONSTRAINT pending_has_its_time CHECK ((status = 'pending') = (next_at IS NOT NULL)),
    CONSTRAINT only_pending_is_leased CHECK (status = 'pending' OR leased_until IS NULL)
);
CREATE INDEX event_deliveries_due ON event_deliveries (endpoint_id, next_at) WHERE status = 'pending';
CREATE INDEX event_deliveries_first ON event_deliveries (endpoint_id, stream, seq) WHERE status = 'pending';
CREATE INDEX event_deliveries_endpoint ON event_deliveries (endpoint_id, seq DESC);

CREATE TABLE event_delivery_attempts (
    event_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    number integer NOT NULL,
    started_at timestamptz NOT NULL,
    -- NULL where the worker died over it.
    duration_ms integer,
    http_status integer,
    error text,
    -- The first bytes of the answer, redacted.
    answer text,
    PRIMARY KEY (event_id, endpoint_id, number),
    FOREIGN KEY (event_id, endpoint_id) REFERENCES event_deliveries (event_id, endpoint_id)
);

-- Since when the application may have been told that an order is paid; a deposit that is held has not been told. What
-- was paid before there were events is told nobody any more: the epoch says so.
ALTER TABLE orders ADD COLUMN paid_told_at timestamptz;
UPDATE orders o SET paid_told_at = 'epoch'
WHERE status IN ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED') AND NOT EXISTS (
    SELECT FROM payments p
    WHERE p.order_id = o.id AND p.deposited_at IS NOT NULL AND p.look_again_at IS NOT NULL
      AND coalesce(p.virtual_account ->> 'refundStatus', '') <> 'PENDING');
UPDATE orders SET fulfilment_status = 'BLOCKED', fulfilment_reason = 'NO_ENDPOINT'
WHERE fulfilment_kind = 'event' AND fulfilment_status = 'WAITING' AND paid_told_at IS NOT NULL;

-- Since when an open question about a payment is a case for the desk, which is told once.
ALTER TABLE payment_transactions
    ADD COLUMN in_doubt_at timestamptz,
    ADD CONSTRAINT in_doubt_is_open CHECK (in_doubt_at IS NULL OR status = 'pending');
