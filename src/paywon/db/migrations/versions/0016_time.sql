-- Both are for an open question only, and emptied when it closes, as resolve_by is: when it was first put, where the row
-- took the place of an earlier one, and since when it waits only because Toss was not heard.
ALTER TABLE payment_transactions ADD COLUMN began_at timestamptz, ADD COLUMN unheard_at timestamptz;
CREATE INDEX payment_transactions_unheard ON payment_transactions (unheard_at)
    WHERE status = 'pending' AND unheard_at IS NOT NULL;

-- Whether a provider can be heard at all, for all workers. No row before it first was not.
CREATE TABLE provider_hearing (
    provider text PRIMARY KEY,
    -- How many reads in a row went unheard.
    unheard integer NOT NULL CHECK (unheard >= 0),
    probed_at timestamptz,
    -- When it was last heard again after a silence, and when what had waited for that was made due.
    returned_at timestamptz,
    attempts_woken_at timestamptz,
    looks_woken_at timestamptz
);

-- Walks over Toss's list of transactions: where each is, and up to when the list was last walked whole.
CREATE TABLE reconciliation_walks (
    kind text PRIMARY KEY CHECK (kind IN ('recent', 'days')),
    next_at timestamptz NOT NULL,
    -- Until when a worker is at it.
    leased_until timestamptz,
    begun_at timestamptz,
    span_start timestamptz,
    span_end timestamptz,
    -- The last transactionKey of the rows that were compared.
    cursor text,
    -- Since it began: rows compared, rows that our books did not explain, payments of no order of ours.
    rows integer NOT NULL DEFAULT 0,
    differing integer NOT NULL DEFAULT 0,
    unknown integer NOT NULL DEFAULT 0,
    -- How often in a row it broke off, and why it last did.
    failures integer NOT NULL DEFAULT 0,
    last_error text,
    complete_until timestamptz,
    finished_at timestamptz,
    CONSTRAINT has_a_span CHECK ((span_start IS NULL) = (span_end IS NULL))
);

-- Rows of that list that our books did not explain: their payments are read, each row once unless reads lag behind.
CREATE TABLE reconciliation_differences (
    id uuid PRIMARY KEY,
    transaction_key text NOT NULL UNIQUE,
    payment_key text NOT NULL,
    order_no text NOT NULL,
    status text NOT NULL,
    amount_krw bigint,
    transaction_at timestamptz NOT NULL,
    found_at timestamptz NOT NULL,
    reads integer NOT NULL DEFAULT 0,
    last_read_at timestamptz,
    -- NULL once it is settled, or left to a person because no read explains it.
    next_read_at timestamptz,
    settled_at timestamptz,
    unexplained_at timestamptz,
    CONSTRAINT one_ending CHECK (num_nonnulls(next_read_at, settled_at, unexplained_at) = 1)
);
CREATE INDEX reconciliation_differences_due ON reconciliation_differences (next_read_at) WHERE next_read_at IS NOT NULL;
CREATE INDEX reconciliation_differences_read ON reconciliation_differences (last_read_at);
CREATE INDEX reconciliation_differences_payment ON reconciliation_differences (payment_key);
CREATE INDEX reconciliation_differences_open ON reconciliation_differences (found_at) WHERE settled_at IS NULL;

-- Payments in that list of no order of ours, each as its newest row shows it. With a number that only paywon makes, it is
-- money whose order was lost with a database; others may share the contract with Toss.
CREATE TABLE unknown_payments (
    id uuid PRIMARY KEY,
    payment_key text NOT NULL UNIQUE,
    order_no text NOT NULL,
    transaction_key text NOT NULL,
    status text NOT NULL,
    amount_krw bigint,
    transaction_at timestamptz NOT NULL,
    found_at timestamptz NOT NULL,
    looks_ours boolean NOT NULL
);
CREATE INDEX unknown_payments_ours ON unknown_payments (found_at) WHERE looks_ours;
