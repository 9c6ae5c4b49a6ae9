-- An order of before counts as a server's: nothing displaces it, and nobody's limit counts it.
ALTER TABLE orders
    ADD COLUMN made_by text NOT NULL DEFAULT 'server' CHECK (made_by IN ('server', 'user')),
    ADD COLUMN expires_at_asked boolean NOT NULL DEFAULT false,
    -- An overdue order that awaits a deposit, or about which Toss is being asked, is looked at again then.
    ADD COLUMN expiry_put_off_until timestamptz,
    DROP CONSTRAINT orders_amount_check,
    ADD CONSTRAINT orders_amount_check CHECK (amount >= 0);
DROP INDEX orders_to_expire;
CREATE INDEX orders_to_expire ON orders (greatest(expires_at, expiry_put_off_until)) WHERE status = 'PENDING_PAYMENT';
CREATE INDEX orders_open_of_user ON orders (user_id) WHERE status = 'PENDING_PAYMENT' AND made_by = 'user';
