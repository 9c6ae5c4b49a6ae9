CREATE TYPE public.pgqueuer_status AS ENUM (
    'queued',
    'picked',
    'successful',
    'exception',
    'canceled',
    'deleted',
    'failed'
);
CREATE TABLE public.payment_transactions (
    id uuid NOT NULL,
    payment_id uuid,
    type text NOT NULL,
    status text NOT NULL,
    payment_key text,
    amount bigint,
    idempotency_key text,
    request_data jsonb,
    response_data jsonb,
    http_status integer,
    answered boolean DEFAULT false NOT NULL,
    outcome text,
    error_code text,
    error_message text,
    processing_time_ms integer,
    caused_by uuid,
    actor text,
    ip_address text,
    user_agent text,
    retry_count integer DEFAULT 0 NOT NULL,
    resolve_by timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    sealed_request bytea,
    billing_key_id uuid,
    billing_period text,
    chain_position bigint,
    chain_hash bytea,
    parked_at timestamp with time zone,
    in_doubt_at timestamp with time zone,
    began_at timestamp with time zone,
    unheard_at timestamp with time zone,
    named_key text,
    CONSTRAINT chained_once_closed CHECK ((((closed_at IS NULL) = (chain_hash IS NULL)) AND ((closed_at IS NULL) = (chain_position IS NULL)))),
    CONSTRAINT closed_when_not_pending CHECK (((status = 'pending'::text) = (closed_at IS NULL))),
    CONSTRAINT in_doubt_is_open CHECK (((in_doubt_at IS NULL) OR (status = 'pending'::text))),
    CONSTRAINT nothing_sealed_once_closed CHECK (((closed_at IS NULL) OR (sealed_request IS NULL))),
    CONSTRAINT parked_is_open CHECK (((parked_at IS NULL) OR ((status = 'pending'::text) AND (resolve_by IS NULL)))),
    CONSTRAINT payment_transactions_outcome_check CHECK ((outcome = ANY (ARRAY['yes'::text, 'no'::text, 'not_sent'::text, 'unknown'::text, 'decided'::text]))),
    CONSTRAINT payment_transactions_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'success'::text, 'failed'::text]))),
    CONSTRAINT payment_transactions_type_check CHECK ((type = ANY (ARRAY['payment_request'::text, 'payment_confirmation'::text, 'payment_cancellation'::text, 'refund_request'::text, 'refund_again'::text, 'virtual_account_issue'::text, 'billing_key_issue'::text, 'billing_key_delete'::text, 'billing_charge'::text, 'cash_receipt_issue'::text, 'cash_receipt_cancel'::text, 'status_read'::text, 'webhook_received'::text, 'late_answer'::text, 'erasure'::text]))),
    CONSTRAINT webhook_is_no_question CHECK (((type <> 'webhook_received'::text) OR ((status = 'success'::text) AND (NOT answered) AND (num_nonnulls(payment_key, amount, idempotency_key, response_data, http_status, outcome, error_code, error_message, processing_time_ms, caused_by, resolve_by, sealed_request, billing_key_id, named_key) = 0))))
);
CREATE FUNCTION public.audit_anchor(t public.payment_transactions) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT COALESCE(
        t.payment_id, t.billing_key_id,
        -- 22 November 2026, by UTC, is 00000000-0000-0000-0000-000020261122.
        ('00000000-0000-0000-0000-' || lpad((
            extract(year FROM t.created_at AT TIME ZONE 'UTC') * 10000
            + extract(month FROM t.created_at AT TIME ZONE 'UTC') * 100
            + extract(day FROM t.created_at AT TIME ZONE 'UTC'))::int::text, 12, '0'))::uuid)
$$;
CREATE FUNCTION public.audit_digest(t public.payment_transactions) RETURNS bytea
    LANGUAGE sql STABLE
    AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        t.id, t.payment_id, t.type, t.status, t.payment_key, t.amount, t.idempotency_key, t.request_data,
        t.response_data, t.http_status, t.answered, t.outcome, t.error_code, t.error_message, t.processing_time_ms,
        t.caused_by, t.actor, t.ip_address, t.user_agent, t.retry_count, t.billing_key_id, t.billing_period,
        extract(epoch FROM t.created_at), extract(epoch FROM t.closed_at))::text, 'UTF8'))
$$;
CREATE FUNCTION public.audit_digest_of_record(t public.payment_transactions) RETURNS bytea
    LANGUAGE sql STABLE
    AS $$
    SELECT coalesce(
        (SELECT e.digest_before
         FROM audit_erasures e JOIN payment_transactions r ON r.id = e.record_id
         WHERE e.row_id = t.id AND e.digest_after = audit_digest(t) AND r.type = 'erasure'
           AND audit_anchor(r) = audit_anchor(t) AND r.request_data ->> 'digest' = erasure_digest(r.id)),
        audit_digest(t))
$$;
CREATE FUNCTION public.chain_attempt() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    digest bytea := audit_digest(NEW);
BEGIN
    INSERT INTO audit_heads AS head (anchor, length, hash) VALUES (audit_anchor(NEW), 1, sha256(digest))
    ON CONFLICT (anchor) DO UPDATE SET length = head.length + 1, hash = sha256(head.hash || digest)
    RETURNING head.length, head.hash INTO NEW.chain_position, NEW.chain_hash;
    RETURN NEW;
END
$$;
CREATE FUNCTION public.erasure_digest(record uuid) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    SELECT encode(sha256(string_agg(uuid_send(row_id) || digest_before || digest_after, ''::bytea ORDER BY row_id)), 'hex')
    FROM audit_erasures WHERE record_id = record
$$;
CREATE FUNCTION public.fn_pgqueuer_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    to_emit BOOLEAN := false;  -- Flag to decide whether to emit a notification
BEGIN
    -- Check operation type and set the emit flag accordingly
    IF TG_OP = 'UPDATE' AND OLD IS DISTINCT FROM NEW THEN
        to_emit := true;
    ELSIF TG_OP = 'DELETE' THEN
        to_emit := true;
    ELSIF TG_OP = 'INSERT' THEN
        to_emit := true;
    ELSIF TG_OP = 'TRUNCATE' THEN
        to_emit := true;
    END IF;
    -- Perform notification if the emit flag is set
    IF to_emit THEN
        PERFORM pg_notify(
            'ch_pgqueuer',
            json_build_object(
                'channel', 'ch_pgqueuer',
                'operation', lower(TG_OP),
                'sent_at', NOW(),
                'table', TG_TABLE_NAME,
                'type', 'table_changed_event'
            )::text
        );
    END IF;
    -- Return appropriate value based on the operation
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        RETURN NEW;
    ELSIF TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSE
        RETURN NULL; -- For TRUNCATE and other non-row-specific contexts
    END IF;
END;
$$;
CREATE FUNCTION public.guard_closed_attempt() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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
CREATE FUNCTION public.mask_cards(document jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT
    AS $$
    SELECT regexp_replace(document::text, '"number": "[0-9][0-9* -]{8,18}([0-9*]{4})"',
                          '"number": "************\1"', 'g')::jsonb
$$;
CREATE FUNCTION public.note_payment_status() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO payment_status_changes (payment_id, from_status, to_status, from_key, to_key, at)
    VALUES (NEW.id, OLD.status, NEW.status, OLD.payment_key, NEW.payment_key, NEW.updated_at);
    RETURN NULL;
END
$$;
CREATE FUNCTION public.one_charge_a_period() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.billing_key_id || ' ' || NEW.billing_period, 12));
    IF EXISTS (SELECT FROM payment_transactions t JOIN payments p ON p.id = t.payment_id
               WHERE t.type = 'billing_charge' AND t.billing_key_id = NEW.billing_key_id
                 AND t.billing_period = NEW.billing_period
                 AND (t.status = 'pending'
                      OR t.status = 'success' AND NOT (p.approved_at IS NOT NULL AND p.balance_amount = 0))) THEN
        RAISE unique_violation USING CONSTRAINT = 'payment_transactions_one_charge_a_period',
            MESSAGE = 'this billing key is charged for this period already';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what stands there stays', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.api_keys (
    id uuid NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    digest bytea NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    holder_id uuid NOT NULL,
    last_used_at timestamp with time zone,
    rotated_at timestamp with time zone
);
CREATE TABLE public.audit_erasures (
    row_id uuid NOT NULL,
    record_id uuid NOT NULL,
    digest_before bytea NOT NULL,
    digest_after bytea NOT NULL
);
CREATE TABLE public.audit_heads (
    anchor uuid NOT NULL,
    length bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_heads_length_check CHECK ((length > 0))
)
WITH (fillfactor='70');
CREATE TABLE public.audit_rules (
    rule text NOT NULL,
    since timestamp with time zone NOT NULL
);
CREATE TABLE public.billing_keys (
    id uuid NOT NULL,
    user_id text,
    customer_key text NOT NULL,
    sealed_key bytea,
    key_digest bytea,
    key_hint text,
    method text,
    card_meta jsonb,
    status text NOT NULL,
    authenticated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    delete_reason text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    auth_digest bytea,
    CONSTRAINT active_has_its_key CHECK (((status <> 'ACTIVE'::text) OR ((sealed_key IS NOT NULL) AND (key_digest IS NOT NULL)))),
    CONSTRAINT billing_keys_status_check CHECK ((status = ANY (ARRAY['ISSUING'::text, 'ACTIVE'::text, 'FAILED'::text, 'DELETED'::text]))),
    CONSTRAINT deleted_is_wiped CHECK (((status <> 'DELETED'::text) OR (sealed_key IS NULL)))
);
CREATE TABLE public.capsules (
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    user_id text NOT NULL,
    title text NOT NULL,
    headcount integer NOT NULL,
    view_limit integer NOT NULL,
    time_option text NOT NULL,
    open_at timestamp with time zone NOT NULL,
    status text DEFAULT 'LOCKED'::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    canceled_at timestamp with time zone,
    CONSTRAINT capsules_headcount_check CHECK (((headcount >= 1) AND (headcount <= 10))),
    CONSTRAINT capsules_status_check CHECK ((status = ANY (ARRAY['LOCKED'::text, 'CANCELED'::text])))
);
CREATE TABLE public.cash_receipts (
    id uuid NOT NULL,
    payment_id uuid NOT NULL,
    attempt_id uuid,
    cancels_id uuid,
    receipt_key text,
    issue_number text,
    type text NOT NULL,
    transaction_type text NOT NULL,
    amount bigint NOT NULL,
    tax_free_amount bigint DEFAULT 0 NOT NULL,
    issue_status text NOT NULL,
    fail_code text,
    fail_message text,
    receipt_url text,
    customer_hint text,
    requested_at timestamp with time zone,
    look_again_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT cash_receipts_amount_check CHECK ((amount > 0)),
    CONSTRAINT cash_receipts_check CHECK (((tax_free_amount >= 0) AND (tax_free_amount <= amount))),
    CONSTRAINT cash_receipts_transaction_type_check CHECK ((transaction_type = ANY (ARRAY['CONFIRM'::text, 'CANCEL'::text])))
);
CREATE TABLE public.desk_decisions (
    id uuid NOT NULL,
    attempt_id uuid,
    stray_id uuid,
    kind text NOT NULL,
    reason text NOT NULL,
    operator text NOT NULL,
    actor text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    seconded_by text,
    second_actor text,
    carried_out_at timestamp with time zone,
    order_id uuid,
    CONSTRAINT about_one_thing CHECK ((num_nonnulls(attempt_id, stray_id, order_id) = 1)),
    CONSTRAINT desk_decisions_kind_check CHECK ((kind = ANY (ARRAY['reread'::text, 'mark_failed'::text, 'cancel_at_toss'::text, 'retry_fulfilment'::text]))),
    CONSTRAINT failure_needs_two CHECK (((kind <> 'mark_failed'::text) OR (carried_out_at IS NULL) OR (seconded_by IS NOT NULL))),
    CONSTRAINT seconded_by_another CHECK ((lower(seconded_by) <> lower(operator)))
);
CREATE TABLE public.event_deliveries (
    event_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    stream uuid NOT NULL,
    seq bigint NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone,
    leased_until timestamp with time zone,
    reason text,
    delivered_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT event_deliveries_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text, 'canceled'::text]))),
    CONSTRAINT only_pending_is_leased CHECK (((status = 'pending'::text) OR (leased_until IS NULL))),
    CONSTRAINT pending_has_its_time CHECK (((status = 'pending'::text) = (next_at IS NOT NULL)))
);
CREATE TABLE public.event_delivery_attempts (
    event_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    number integer NOT NULL,
    started_at timestamp with time zone NOT NULL,
    duration_ms integer,
    http_status integer,
    error text,
    answer text
);
CREATE TABLE public.event_endpoints (
    id uuid NOT NULL,
    url text NOT NULL,
    description text,
    events text[] NOT NULL,
    enabled boolean NOT NULL,
    subscribed_at timestamp with time zone NOT NULL,
    sealed_secret bytea,
    sealed_previous_secret bytea,
    previous_secret_until timestamp with time zone,
    failing_since timestamp with time zone,
    disabled_at timestamp with time zone,
    disabled_reason text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT deleted_gets_nothing CHECK (((deleted_at IS NULL) OR (NOT enabled))),
    CONSTRAINT disabled_says_since_when_and_why CHECK (((enabled = (disabled_at IS NULL)) AND (enabled = (disabled_reason IS NULL)))),
    CONSTRAINT event_endpoints_disabled_reason_check CHECK ((disabled_reason = ANY (ARRAY['OPERATOR'::text, 'GONE'::text, 'FAILING'::text]))),
    CONSTRAINT event_endpoints_events_check CHECK ((cardinality(events) > 0)),
    CONSTRAINT previous_secret_ends CHECK (((sealed_previous_secret IS NULL) = (previous_secret_until IS NULL))),
    CONSTRAINT there_is_a_secret_until_it_is_deleted CHECK (((deleted_at IS NULL) = (sealed_secret IS NOT NULL)))
);
CREATE TABLE public.events (
    id uuid NOT NULL,
    seq bigint NOT NULL,
    type text NOT NULL,
    stream uuid NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    data jsonb NOT NULL,
    dedupe_key text
);
ALTER TABLE public.events ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.events_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.idempotency_keys (
    holder text NOT NULL,
    key text NOT NULL,
    operation text NOT NULL,
    digest bytea NOT NULL,
    subject_id uuid NOT NULL,
    status integer,
    headers jsonb,
    sealed_body bytea,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.invariant_results (
    run_id uuid NOT NULL,
    invariant text NOT NULL,
    checked bigint,
    violations bigint NOT NULL,
    samples jsonb NOT NULL,
    trouble text,
    elapsed_ms integer NOT NULL
);
CREATE TABLE public.invariant_runs (
    id uuid NOT NULL,
    origin text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone NOT NULL
);
CREATE TABLE public.orders (
    id uuid NOT NULL,
    order_no text NOT NULL,
    user_id text NOT NULL,
    order_name text NOT NULL,
    amount bigint NOT NULL,
    tax_free_amount bigint DEFAULT 0 NOT NULL,
    currency text DEFAULT 'KRW'::text NOT NULL,
    status text DEFAULT 'PENDING_PAYMENT'::text NOT NULL,
    resource_type text,
    resource_id text,
    fulfilment_kind text DEFAULT 'none'::text NOT NULL,
    fulfilment_spec jsonb,
    fulfilment_status text DEFAULT 'NONE'::text NOT NULL,
    fulfilment_reason text,
    metadata jsonb,
    expires_at timestamp with time zone NOT NULL,
    paid_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    paid_told_at timestamp with time zone,
    made_by text DEFAULT 'server'::text NOT NULL,
    expires_at_asked boolean DEFAULT false NOT NULL,
    expiry_put_off_until timestamp with time zone,
    CONSTRAINT orders_amount_check CHECK ((amount >= 0)),
    CONSTRAINT orders_check CHECK (((tax_free_amount >= 0) AND (tax_free_amount <= amount))),
    CONSTRAINT orders_currency_check CHECK ((currency = 'KRW'::text)),
    CONSTRAINT orders_fulfilment_kind_check CHECK ((fulfilment_kind ~ '^[a-z][a-z0-9_]{0,39}$'::text)),
    CONSTRAINT orders_fulfilment_status_check CHECK ((fulfilment_status = ANY (ARRAY['NONE'::text, 'WAITING'::text, 'FULFILLED'::text, 'BLOCKED'::text, 'REVERSED'::text]))),
    CONSTRAINT orders_made_by_check CHECK ((made_by = ANY (ARRAY['server'::text, 'user'::text]))),
    CONSTRAINT orders_order_no_check CHECK ((order_no ~ '^[A-Za-z0-9_-]{6,64}$'::text)),
    CONSTRAINT orders_status_check CHECK ((status = ANY (ARRAY['PENDING_PAYMENT'::text, 'PAID'::text, 'PARTIALLY_REFUNDED'::text, 'REFUNDED'::text, 'CANCELED'::text, 'EXPIRED'::text])))
);
CREATE TABLE public.payment_cancels (
    id uuid NOT NULL,
    payment_id uuid NOT NULL,
    attempt_id uuid,
    transaction_key text,
    cancel_amount bigint NOT NULL,
    cancel_reason text NOT NULL,
    cancel_status text NOT NULL,
    canceled_at timestamp with time zone,
    tax_free_amount bigint,
    tax_exemption_amount bigint,
    receipt_key text,
    refundable_amount bigint,
    card_discount_amount bigint,
    easy_pay_discount_amount bigint,
    transfer_discount_amount bigint,
    raw_response jsonb,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT done_is_named CHECK (((cancel_status <> 'DONE'::text) OR (transaction_key IS NOT NULL))),
    CONSTRAINT payment_cancels_cancel_amount_check CHECK ((cancel_amount > 0))
);
CREATE TABLE public.payment_status_changes (
    id bigint NOT NULL,
    payment_id uuid NOT NULL,
    from_status text,
    to_status text NOT NULL,
    from_key text,
    to_key text,
    at timestamp with time zone NOT NULL
);
ALTER TABLE public.payment_status_changes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.payment_status_changes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.payments (
    id uuid NOT NULL,
    payment_number character varying(30) NOT NULL,
    order_id uuid NOT NULL,
    order_no text NOT NULL,
    order_name text,
    user_id text NOT NULL,
    resource_type text,
    resource_id text,
    provider text DEFAULT 'toss_payments'::text NOT NULL,
    payment_method text,
    payment_key text,
    method text,
    status text NOT NULL,
    currency text DEFAULT 'KRW'::text NOT NULL,
    total_amount bigint NOT NULL,
    balance_amount bigint,
    vat bigint,
    supplied_amount bigint,
    tax_free_amount bigint,
    tax_exemption_amount bigint,
    requested_at timestamp with time zone NOT NULL,
    approved_at timestamp with time zone,
    receipt_url text,
    checkout_url text,
    last_transaction_key text,
    card_type text,
    card_company text,
    card_last_four_digits character varying(10),
    card_approval_number text,
    issuer_code text,
    acquirer_code text,
    installment_plan_months integer,
    is_interest_free boolean,
    is_partial_cancelable boolean,
    easy_pay_provider text,
    virtual_account jsonb,
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
    fact_asked_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    cash_receipts jsonb,
    deposited_at timestamp with time zone,
    look_again_at timestamp with time zone,
    impossible_since timestamp with time zone,
    impossible_shown text,
    CONSTRAINT approved_has_evidence CHECK (((status <> ALL (ARRAY['DONE'::text, 'PARTIAL_CANCELED'::text, 'WAITING_FOR_DEPOSIT'::text])) OR (raw_response IS NOT NULL))),
    CONSTRAINT payment_key_once_named CHECK (((payment_key IS NOT NULL) OR (raw_response IS NULL))),
    CONSTRAINT payments_check CHECK (((balance_amount >= 0) AND (balance_amount <= total_amount))),
    CONSTRAINT payments_currency_check CHECK ((currency = 'KRW'::text)),
    CONSTRAINT payments_payment_method_check CHECK ((payment_method = ANY (ARRAY['card'::text, 'transfer'::text, 'virtual_account'::text, 'mobile'::text]))),
    CONSTRAINT payments_provider_check CHECK ((provider = 'toss_payments'::text)),
    CONSTRAINT payments_status_check CHECK ((status = ANY (ARRAY['READY'::text, 'IN_PROGRESS'::text, 'WAITING_FOR_DEPOSIT'::text, 'DONE'::text, 'CANCELED'::text, 'PARTIAL_CANCELED'::text, 'ABORTED'::text, 'EXPIRED'::text]))),
    CONSTRAINT payments_total_amount_check CHECK ((total_amount > 0))
);
CREATE TABLE public.pgqueuer (
    id bigint NOT NULL,
    priority integer NOT NULL,
    queue_manager_id uuid,
    created timestamp with time zone DEFAULT now() NOT NULL,
    updated timestamp with time zone DEFAULT now() NOT NULL,
    heartbeat timestamp with time zone DEFAULT now() NOT NULL,
    execute_after timestamp with time zone DEFAULT now() NOT NULL,
    status public.pgqueuer_status NOT NULL,
    entrypoint text NOT NULL,
    dedupe_key text,
    payload bytea,
    headers jsonb,
    attempts integer DEFAULT 0 NOT NULL,
    slot bigint
);
CREATE SEQUENCE public.pgqueuer_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.pgqueuer_id_seq OWNED BY public.pgqueuer.id;
CREATE TABLE public.pgqueuer_log (
    id bigint NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    job_id bigint NOT NULL,
    status public.pgqueuer_status NOT NULL,
    priority integer NOT NULL,
    entrypoint text NOT NULL,
    traceback jsonb,
    aggregated boolean DEFAULT false
);
ALTER TABLE public.pgqueuer_log ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.pgqueuer_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.pgqueuer_schedules (
    id bigint NOT NULL,
    expression text NOT NULL,
    entrypoint text NOT NULL,
    heartbeat timestamp with time zone DEFAULT now() NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    updated timestamp with time zone DEFAULT now() NOT NULL,
    next_run timestamp with time zone DEFAULT now() NOT NULL,
    last_run timestamp with time zone,
    status public.pgqueuer_status DEFAULT 'queued'::public.pgqueuer_status
);
CREATE SEQUENCE public.pgqueuer_schedules_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.pgqueuer_schedules_id_seq OWNED BY public.pgqueuer_schedules.id;
CREATE TABLE public.pgqueuer_statistics (
    id bigint NOT NULL,
    created timestamp with time zone DEFAULT date_trunc('sec'::text, now()) NOT NULL,
    count bigint NOT NULL,
    priority integer NOT NULL,
    status public.pgqueuer_status NOT NULL,
    entrypoint text NOT NULL
);
CREATE SEQUENCE public.pgqueuer_statistics_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.pgqueuer_statistics_id_seq OWNED BY public.pgqueuer_statistics.id;
CREATE TABLE public.privacy_acts (
    id uuid NOT NULL,
    pseudonym text NOT NULL,
    operator text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    rows jsonb NOT NULL
);
CREATE TABLE public.provider_hearing (
    provider text NOT NULL,
    unheard integer NOT NULL,
    probed_at timestamp with time zone,
    returned_at timestamp with time zone,
    attempts_woken_at timestamp with time zone,
    looks_woken_at timestamp with time zone,
    CONSTRAINT provider_hearing_unheard_check CHECK ((unheard >= 0))
);
CREATE TABLE public.reconciliation_differences (
    id uuid NOT NULL,
    transaction_key text NOT NULL,
    payment_key text NOT NULL,
    order_no text NOT NULL,
    status text NOT NULL,
    amount_krw bigint,
    transaction_at timestamp with time zone NOT NULL,
    found_at timestamp with time zone NOT NULL,
    reads integer DEFAULT 0 NOT NULL,
    last_read_at timestamp with time zone,
    next_read_at timestamp with time zone,
    settled_at timestamp with time zone,
    unexplained_at timestamp with time zone,
    CONSTRAINT one_ending CHECK ((num_nonnulls(next_read_at, settled_at, unexplained_at) = 1))
);
CREATE TABLE public.reconciliation_walks (
    kind text NOT NULL,
    next_at timestamp with time zone NOT NULL,
    leased_until timestamp with time zone,
    begun_at timestamp with time zone,
    span_start timestamp with time zone,
    span_end timestamp with time zone,
    cursor text,
    rows integer DEFAULT 0 NOT NULL,
    differing integer DEFAULT 0 NOT NULL,
    unknown integer DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    last_error text,
    complete_until timestamp with time zone,
    finished_at timestamp with time zone,
    CONSTRAINT has_a_span CHECK (((span_start IS NULL) = (span_end IS NULL))),
    CONSTRAINT reconciliation_walks_kind_check CHECK ((kind = ANY (ARRAY['recent'::text, 'days'::text])))
);
CREATE TABLE public.schema_support (
    only_row boolean DEFAULT true NOT NULL,
    revision text NOT NULL,
    supported_code text[] NOT NULL,
    CONSTRAINT schema_support_check CHECK ((revision = ANY (supported_code))),
    CONSTRAINT schema_support_only_row_check CHECK (only_row)
);
CREATE TABLE public.strays (
    id uuid NOT NULL,
    payment_id uuid NOT NULL,
    payment_key text NOT NULL,
    reason text NOT NULL,
    balance_amount bigint NOT NULL,
    needs_account boolean NOT NULL,
    return_at timestamp with time zone,
    last_error text,
    found_at timestamp with time zone NOT NULL,
    returned_at timestamp with time zone,
    CONSTRAINT returned_is_empty CHECK (((returned_at IS NULL) OR ((balance_amount = 0) AND (return_at IS NULL)))),
    CONSTRAINT strays_balance_amount_check CHECK ((balance_amount >= 0)),
    CONSTRAINT strays_reason_check CHECK ((reason = ANY (ARRAY['ORDER_EXPIRED'::text, 'ORDER_CANCELED'::text, 'ORDER_PAID_ALREADY'::text, 'UNFIT'::text])))
);
CREATE TABLE public.unknown_payments (
    id uuid NOT NULL,
    payment_key text NOT NULL,
    order_no text NOT NULL,
    transaction_key text NOT NULL,
    status text NOT NULL,
    amount_krw bigint,
    transaction_at timestamp with time zone NOT NULL,
    found_at timestamp with time zone NOT NULL,
    looks_ours boolean NOT NULL
);
CREATE TABLE public.webhook_budget (
    one boolean DEFAULT true NOT NULL,
    minute timestamp with time zone NOT NULL,
    granted integer NOT NULL,
    CONSTRAINT webhook_budget_one_check CHECK (one)
);
CREATE TABLE public.webhook_events (
    id uuid NOT NULL,
    digest bytea NOT NULL,
    transmission_id text,
    event_type text NOT NULL,
    order_no text,
    payment_key text,
    verdict text NOT NULL,
    status text NOT NULL,
    reason text,
    headers jsonb NOT NULL,
    body jsonb NOT NULL,
    source_address text,
    repeats integer DEFAULT 0 NOT NULL,
    received_at timestamp with time zone NOT NULL,
    processed_at timestamp with time zone,
    transaction_key text,
    claim jsonb,
    secret_digest bytea,
    look_at timestamp with time zone,
    looks integer DEFAULT 0 NOT NULL,
    asked_again_at timestamp with time zone,
    asked_again_by text,
    repeat_deliveries jsonb DEFAULT '[]'::jsonb NOT NULL,
    CONSTRAINT webhook_events_status_check CHECK ((status = ANY (ARRAY['received'::text, 'processed'::text, 'ignored'::text, 'parked'::text, 'rejected'::text]))),
    CONSTRAINT webhook_events_verdict_check CHECK ((verdict = ANY (ARRAY['signed'::text, 'secret_matched'::text, 'refetched'::text, 'rejected'::text])))
);
CREATE TABLE public.webhook_looks (
    order_no text NOT NULL,
    waiting integer NOT NULL,
    not_before timestamp with time zone NOT NULL,
    patient_until timestamp with time zone NOT NULL,
    idle integer DEFAULT 0 NOT NULL,
    unheard integer DEFAULT 0 NOT NULL,
    proven_at timestamp with time zone,
    hinted_at timestamp with time zone,
    CONSTRAINT webhook_looks_waiting_check CHECK ((waiting >= 0))
);
CREATE TABLE public.webhook_refusals (
    day date NOT NULL,
    kind text NOT NULL,
    count bigint NOT NULL,
    last_at timestamp with time zone NOT NULL,
    CONSTRAINT webhook_refusals_count_check CHECK ((count > 0)),
    CONSTRAINT webhook_refusals_kind_check CHECK ((kind = ANY (ARRAY['malformed'::text, 'rejected'::text, 'over_limit'::text, 'failed'::text])))
);
ALTER TABLE ONLY public.pgqueuer ALTER COLUMN id SET DEFAULT nextval('public.pgqueuer_id_seq'::regclass);
ALTER TABLE ONLY public.pgqueuer_schedules ALTER COLUMN id SET DEFAULT nextval('public.pgqueuer_schedules_id_seq'::regclass);
ALTER TABLE ONLY public.pgqueuer_statistics ALTER COLUMN id SET DEFAULT nextval('public.pgqueuer_statistics_id_seq'::regclass);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_digest_key UNIQUE (digest);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit_erasures
    ADD CONSTRAINT audit_erasures_pkey PRIMARY KEY (row_id);
ALTER TABLE ONLY public.audit_heads
    ADD CONSTRAINT audit_heads_pkey PRIMARY KEY (anchor);
ALTER TABLE ONLY public.audit_rules
    ADD CONSTRAINT audit_rules_pkey PRIMARY KEY (rule);
ALTER TABLE ONLY public.billing_keys
    ADD CONSTRAINT billing_keys_auth_digest_key UNIQUE (auth_digest);
ALTER TABLE ONLY public.billing_keys
    ADD CONSTRAINT billing_keys_key_digest_key UNIQUE (key_digest);
ALTER TABLE ONLY public.billing_keys
    ADD CONSTRAINT billing_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.capsules
    ADD CONSTRAINT capsules_order_id_key UNIQUE (order_id);
ALTER TABLE ONLY public.capsules
    ADD CONSTRAINT capsules_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.cash_receipts
    ADD CONSTRAINT cash_receipts_attempt_id_key UNIQUE (attempt_id);
ALTER TABLE ONLY public.cash_receipts
    ADD CONSTRAINT cash_receipts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.cash_receipts
    ADD CONSTRAINT cash_receipts_receipt_key_key UNIQUE (receipt_key);
ALTER TABLE ONLY public.desk_decisions
    ADD CONSTRAINT desk_decisions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.event_deliveries
    ADD CONSTRAINT event_deliveries_pkey PRIMARY KEY (event_id, endpoint_id);
ALTER TABLE ONLY public.event_delivery_attempts
    ADD CONSTRAINT event_delivery_attempts_pkey PRIMARY KEY (event_id, endpoint_id, number);
ALTER TABLE ONLY public.event_endpoints
    ADD CONSTRAINT event_endpoints_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_seq_key UNIQUE (seq);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (holder, key);
ALTER TABLE ONLY public.invariant_results
    ADD CONSTRAINT invariant_results_pkey PRIMARY KEY (run_id, invariant);
ALTER TABLE ONLY public.invariant_runs
    ADD CONSTRAINT invariant_runs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_order_no_key UNIQUE (order_no);
ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.payment_cancels
    ADD CONSTRAINT payment_cancels_attempt_id_key UNIQUE (attempt_id);
ALTER TABLE ONLY public.payment_cancels
    ADD CONSTRAINT payment_cancels_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.payment_cancels
    ADD CONSTRAINT payment_cancels_transaction_key_key UNIQUE (transaction_key);
ALTER TABLE ONLY public.payment_status_changes
    ADD CONSTRAINT payment_status_changes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.payment_transactions
    ADD CONSTRAINT payment_transactions_idempotency_key_key UNIQUE (idempotency_key);
ALTER TABLE ONLY public.payment_transactions
    ADD CONSTRAINT payment_transactions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_order_id_key UNIQUE (order_id);
ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_order_no_key UNIQUE (order_no);
ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_payment_key_key UNIQUE (payment_key);
ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_payment_number_key UNIQUE (payment_number);
ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.pgqueuer_log
    ADD CONSTRAINT pgqueuer_log_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.pgqueuer
    ADD CONSTRAINT pgqueuer_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.pgqueuer_schedules
    ADD CONSTRAINT pgqueuer_schedules_expression_entrypoint_key UNIQUE (expression, entrypoint);
ALTER TABLE ONLY public.pgqueuer_schedules
    ADD CONSTRAINT pgqueuer_schedules_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.pgqueuer_statistics
    ADD CONSTRAINT pgqueuer_statistics_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.privacy_acts
    ADD CONSTRAINT privacy_acts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.provider_hearing
    ADD CONSTRAINT provider_hearing_pkey PRIMARY KEY (provider);
ALTER TABLE ONLY public.reconciliation_differences
    ADD CONSTRAINT reconciliation_differences_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.reconciliation_differences
    ADD CONSTRAINT reconciliation_differences_transaction_key_key UNIQUE (transaction_key);
ALTER TABLE ONLY public.reconciliation_walks
    ADD CONSTRAINT reconciliation_walks_pkey PRIMARY KEY (kind);
ALTER TABLE ONLY public.schema_support
    ADD CONSTRAINT schema_support_pkey PRIMARY KEY (only_row);
ALTER TABLE public.desk_decisions
    ADD CONSTRAINT seconded_with_another_key CHECK ((second_actor <> actor)) NOT VALID;
ALTER TABLE ONLY public.strays
    ADD CONSTRAINT strays_payment_key_key UNIQUE (payment_key);
ALTER TABLE ONLY public.strays
    ADD CONSTRAINT strays_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.unknown_payments
    ADD CONSTRAINT unknown_payments_payment_key_key UNIQUE (payment_key);
ALTER TABLE ONLY public.unknown_payments
    ADD CONSTRAINT unknown_payments_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.webhook_budget
    ADD CONSTRAINT webhook_budget_pkey PRIMARY KEY (one);
ALTER TABLE ONLY public.webhook_events
    ADD CONSTRAINT webhook_events_digest_key UNIQUE (digest);
ALTER TABLE ONLY public.webhook_events
    ADD CONSTRAINT webhook_events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.webhook_events
    ADD CONSTRAINT webhook_events_transmission_id_key UNIQUE (transmission_id);
ALTER TABLE ONLY public.webhook_looks
    ADD CONSTRAINT webhook_looks_pkey PRIMARY KEY (order_no);
ALTER TABLE ONLY public.webhook_refusals
    ADD CONSTRAINT webhook_refusals_pkey PRIMARY KEY (day, kind);
CREATE INDEX audit_erasures_record ON public.audit_erasures USING btree (record_id);
CREATE INDEX billing_keys_customer ON public.billing_keys USING btree (customer_key, created_at DESC, id DESC);
CREATE INDEX billing_keys_user ON public.billing_keys USING btree (user_id, created_at DESC, id DESC);
CREATE INDEX cash_receipts_payment ON public.cash_receipts USING btree (payment_id, created_at, id);
CREATE INDEX cash_receipts_to_look_at ON public.cash_receipts USING btree (look_again_at) WHERE (look_again_at IS NOT NULL);
CREATE INDEX desk_decisions_attempt ON public.desk_decisions USING btree (attempt_id, created_at);
CREATE UNIQUE INDEX desk_decisions_one_proposal ON public.desk_decisions USING btree (attempt_id) WHERE ((kind = 'mark_failed'::text) AND (carried_out_at IS NULL));
CREATE INDEX desk_decisions_order ON public.desk_decisions USING btree (order_id, created_at);
CREATE INDEX desk_decisions_stray ON public.desk_decisions USING btree (stray_id, created_at);
CREATE INDEX event_deliveries_due ON public.event_deliveries USING btree (endpoint_id, next_at) WHERE (status = 'pending'::text);
CREATE INDEX event_deliveries_endpoint ON public.event_deliveries USING btree (endpoint_id, seq DESC);
CREATE INDEX event_deliveries_first ON public.event_deliveries USING btree (endpoint_id, stream, seq) WHERE (status = 'pending'::text);
CREATE INDEX event_endpoints_page ON public.event_endpoints USING btree (created_at, id) WHERE (deleted_at IS NULL);
CREATE INDEX events_occurred ON public.events USING brin (occurred_at);
CREATE UNIQUE INDEX events_once ON public.events USING btree (dedupe_key) WHERE (dedupe_key IS NOT NULL);
CREATE INDEX events_stream ON public.events USING btree (stream, seq);
CREATE INDEX idempotency_keys_age ON public.idempotency_keys USING btree (created_at);
CREATE UNIQUE INDEX orders_one_open_per_resource ON public.orders USING btree (resource_type, resource_id) NULLS NOT DISTINCT WHERE ((status = 'PENDING_PAYMENT'::text) AND (resource_id IS NOT NULL));
CREATE INDEX orders_open_of_user ON public.orders USING btree (user_id) WHERE ((status = 'PENDING_PAYMENT'::text) AND (made_by = 'user'::text));
CREATE INDEX orders_to_expire ON public.orders USING btree (GREATEST(expires_at, expiry_put_off_until)) WHERE (status = 'PENDING_PAYMENT'::text);
CREATE INDEX payment_cancels_payment ON public.payment_cancels USING btree (payment_id, created_at, id);
CREATE INDEX payment_status_changes_payment ON public.payment_status_changes USING btree (payment_id, id);
CREATE INDEX payment_transactions_billing_key ON public.payment_transactions USING btree (billing_key_id, created_at, id) WHERE (billing_key_id IS NOT NULL);
CREATE INDEX payment_transactions_charges_of_a_period ON public.payment_transactions USING btree (billing_key_id, billing_period) WHERE ((type = 'billing_charge'::text) AND (billing_period IS NOT NULL));
CREATE INDEX payment_transactions_key_gone ON public.payment_transactions USING btree (billing_key_id) WHERE ((type = 'billing_charge'::text) AND (error_code = 'ALREADY_REMOVED_BILLING_KEY'::text) AND (outcome = 'no'::text));
CREATE UNIQUE INDEX payment_transactions_one_open ON public.payment_transactions USING btree (payment_id) WHERE ((status = 'pending'::text) AND (type = ANY (ARRAY['payment_confirmation'::text, 'payment_cancellation'::text, 'refund_request'::text, 'refund_again'::text, 'virtual_account_issue'::text, 'billing_charge'::text])));
CREATE INDEX payment_transactions_open ON public.payment_transactions USING btree (created_at, id) WHERE (status = 'pending'::text);
CREATE INDEX payment_transactions_payment ON public.payment_transactions USING btree (payment_id, created_at, id);
CREATE INDEX payment_transactions_payment_key ON public.payment_transactions USING btree (payment_key);
CREATE INDEX payment_transactions_to_resolve ON public.payment_transactions USING btree (resolve_by) WHERE (status = 'pending'::text);
CREATE INDEX payment_transactions_unheard ON public.payment_transactions USING btree (unheard_at) WHERE ((status = 'pending'::text) AND (unheard_at IS NOT NULL));
CREATE INDEX payments_impossible ON public.payments USING btree (impossible_since) WHERE (impossible_since IS NOT NULL);
CREATE INDEX payments_page ON public.payments USING btree (created_at DESC, id DESC);
CREATE INDEX payments_resource ON public.payments USING btree (resource_type, resource_id);
CREATE INDEX payments_to_look_at ON public.payments USING btree (look_again_at) WHERE (look_again_at IS NOT NULL);
CREATE INDEX payments_user_page ON public.payments USING btree (user_id, created_at DESC, id DESC);
CREATE INDEX payments_user_status ON public.payments USING btree (user_id, status, created_at);
CREATE INDEX pgqueuer_ep_ea_idx ON public.pgqueuer USING btree (entrypoint, execute_after) WHERE (status = 'queued'::public.pgqueuer_status);
CREATE INDEX pgqueuer_ep_prio_id_idx ON public.pgqueuer USING btree (entrypoint, priority DESC, id) WHERE (status = 'queued'::public.pgqueuer_status);
CREATE INDEX pgqueuer_log_created ON public.pgqueuer_log USING btree (created);
CREATE INDEX pgqueuer_log_job_id_status ON public.pgqueuer_log USING btree (job_id, created DESC);
CREATE INDEX pgqueuer_log_not_aggregated ON public.pgqueuer_log USING btree ((1)) WHERE (NOT aggregated);
CREATE INDEX pgqueuer_log_status ON public.pgqueuer_log USING btree (status);
CREATE INDEX pgqueuer_picked_heartbeat_idx ON public.pgqueuer USING btree (heartbeat) WHERE (status = 'picked'::public.pgqueuer_status);
CREATE UNIQUE INDEX pgqueuer_picked_slot_idx ON public.pgqueuer USING btree (entrypoint, slot) WHERE ((status = 'picked'::public.pgqueuer_status) AND (slot IS NOT NULL));
CREATE INDEX pgqueuer_priority_id_id1_idx ON public.pgqueuer USING btree (priority, id DESC) INCLUDE (id) WHERE (status = 'queued'::public.pgqueuer_status);
CREATE INDEX pgqueuer_queue_manager_id_idx ON public.pgqueuer USING btree (queue_manager_id) WHERE (queue_manager_id IS NOT NULL);
CREATE UNIQUE INDEX pgqueuer_statistics_unique_count ON public.pgqueuer_statistics USING btree (priority, date_trunc('sec'::text, timezone('UTC'::text, created)), status, entrypoint);
CREATE UNIQUE INDEX pgqueuer_unique_dedupe_key ON public.pgqueuer USING btree (dedupe_key) WHERE ((status = ANY (ARRAY['queued'::public.pgqueuer_status, 'picked'::public.pgqueuer_status])) AND (dedupe_key IS NOT NULL));
CREATE INDEX pgqueuer_updated_id_id1_idx ON public.pgqueuer USING btree (updated, id DESC) INCLUDE (id) WHERE (status = 'picked'::public.pgqueuer_status);
CREATE INDEX privacy_acts_pseudonym ON public.privacy_acts USING btree (pseudonym, started_at);
CREATE INDEX reconciliation_differences_due ON public.reconciliation_differences USING btree (next_read_at) WHERE (next_read_at IS NOT NULL);
CREATE INDEX reconciliation_differences_open ON public.reconciliation_differences USING btree (found_at) WHERE (settled_at IS NULL);
CREATE INDEX reconciliation_differences_payment ON public.reconciliation_differences USING btree (payment_key);
CREATE INDEX reconciliation_differences_read ON public.reconciliation_differences USING btree (last_read_at);
CREATE INDEX strays_open ON public.strays USING btree (found_at, id) WHERE (returned_at IS NULL);
CREATE INDEX strays_to_return ON public.strays USING btree (return_at) WHERE (return_at IS NOT NULL);
CREATE INDEX unknown_payments_ours ON public.unknown_payments USING btree (found_at) WHERE looks_ours;
CREATE INDEX webhook_events_nobodys ON public.webhook_events USING btree (received_at) WHERE (status = ANY (ARRAY['ignored'::text, 'rejected'::text]));
CREATE INDEX webhook_events_order ON public.webhook_events USING btree (order_no);
CREATE INDEX webhook_events_page ON public.webhook_events USING btree (received_at DESC, id DESC);
CREATE INDEX webhook_events_unknown ON public.webhook_events USING btree (received_at) WHERE (reason = 'UNKNOWN_ORDER'::text);
CREATE INDEX webhook_events_waiting ON public.webhook_events USING btree (received_at) WHERE (status = ANY (ARRAY['received'::text, 'parked'::text]));
CREATE INDEX webhook_looks_due ON public.webhook_looks USING btree (not_before) WHERE (waiting > 0);
CREATE TRIGGER audit_erasures_stay BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_erasures FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER events_stay BEFORE DELETE OR UPDATE OR TRUNCATE ON public.events FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER payment_status_changes_stay BEFORE DELETE OR UPDATE OR TRUNCATE ON public.payment_status_changes FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER payment_transactions_chain BEFORE INSERT OR UPDATE ON public.payment_transactions FOR EACH ROW WHEN (((new.closed_at IS NOT NULL) AND (new.chain_hash IS NULL))) EXECUTE FUNCTION public.chain_attempt();
CREATE TRIGGER payment_transactions_closed_stay BEFORE DELETE OR UPDATE ON public.payment_transactions FOR EACH ROW WHEN ((old.chain_hash IS NOT NULL)) EXECUTE FUNCTION public.guard_closed_attempt();
CREATE TRIGGER payment_transactions_one_charge_a_period BEFORE INSERT ON public.payment_transactions FOR EACH ROW WHEN (((new.type = 'billing_charge'::text) AND (new.billing_period IS NOT NULL) AND (new.status = ANY (ARRAY['pending'::text, 'success'::text])))) EXECUTE FUNCTION public.one_charge_a_period();
CREATE TRIGGER payments_note_first_status AFTER INSERT ON public.payments FOR EACH ROW EXECUTE FUNCTION public.note_payment_status();
CREATE TRIGGER payments_note_status AFTER UPDATE ON public.payments FOR EACH ROW WHEN (((old.status IS DISTINCT FROM new.status) OR (old.payment_key IS DISTINCT FROM new.payment_key))) EXECUTE FUNCTION public.note_payment_status();
CREATE TRIGGER tg_pgqueuer_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.pgqueuer FOR EACH STATEMENT EXECUTE FUNCTION public.fn_pgqueuer_changed();
ALTER TABLE ONLY public.audit_erasures
    ADD CONSTRAINT audit_erasures_record_id_fkey FOREIGN KEY (record_id) REFERENCES public.payment_transactions(id);
ALTER TABLE ONLY public.audit_erasures
    ADD CONSTRAINT audit_erasures_row_id_fkey FOREIGN KEY (row_id) REFERENCES public.payment_transactions(id);
ALTER TABLE ONLY public.capsules
    ADD CONSTRAINT capsules_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);
ALTER TABLE ONLY public.cash_receipts
    ADD CONSTRAINT cash_receipts_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.payment_transactions(id);
ALTER TABLE ONLY public.cash_receipts
    ADD CONSTRAINT cash_receipts_cancels_id_fkey FOREIGN KEY (cancels_id) REFERENCES public.cash_receipts(id);
ALTER TABLE ONLY public.cash_receipts
    ADD CONSTRAINT cash_receipts_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);
ALTER TABLE ONLY public.desk_decisions
    ADD CONSTRAINT desk_decisions_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.payment_transactions(id);
ALTER TABLE ONLY public.desk_decisions
    ADD CONSTRAINT desk_decisions_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);
ALTER TABLE ONLY public.desk_decisions
    ADD CONSTRAINT desk_decisions_stray_id_fkey FOREIGN KEY (stray_id) REFERENCES public.strays(id);
ALTER TABLE ONLY public.event_deliveries
    ADD CONSTRAINT event_deliveries_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES public.event_endpoints(id);
ALTER TABLE ONLY public.event_deliveries
    ADD CONSTRAINT event_deliveries_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id);
ALTER TABLE ONLY public.event_delivery_attempts
    ADD CONSTRAINT event_delivery_attempts_event_id_endpoint_id_fkey FOREIGN KEY (event_id, endpoint_id) REFERENCES public.event_deliveries(event_id, endpoint_id);
ALTER TABLE ONLY public.invariant_results
    ADD CONSTRAINT invariant_results_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.invariant_runs(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.payment_cancels
    ADD CONSTRAINT payment_cancels_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.payment_transactions(id);
ALTER TABLE ONLY public.payment_cancels
    ADD CONSTRAINT payment_cancels_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);
ALTER TABLE ONLY public.payment_status_changes
    ADD CONSTRAINT payment_status_changes_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);
ALTER TABLE ONLY public.payment_transactions
    ADD CONSTRAINT payment_transactions_billing_key_id_fkey FOREIGN KEY (billing_key_id) REFERENCES public.billing_keys(id);
ALTER TABLE ONLY public.payment_transactions
    ADD CONSTRAINT payment_transactions_caused_by_fkey FOREIGN KEY (caused_by) REFERENCES public.payment_transactions(id);
ALTER TABLE ONLY public.payment_transactions
    ADD CONSTRAINT payment_transactions_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);
ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);
ALTER TABLE ONLY public.strays
    ADD CONSTRAINT strays_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);
