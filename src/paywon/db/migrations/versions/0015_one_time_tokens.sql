-- The authKey of Toss's billing window serves once: who sends it again asks the same question. Only a keyed digest is kept.
ALTER TABLE billing_keys ADD COLUMN auth_digest bytea UNIQUE;

-- A partial unique index cannot see whether a charge has gone back, so a trigger guards the period: it waits for whoever is
-- writing a charge of the same period, and refuses as the index did.
DROP INDEX payment_transactions_one_charge_a_period;
CREATE INDEX payment_transactions_charges_of_a_period ON payment_transactions (billing_key_id, billing_period)
    WHERE type = 'billing_charge' AND billing_period IS NOT NULL;
CREATE FUNCTION one_charge_a_period() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER payment_transactions_one_charge_a_period BEFORE INSERT ON payment_transactions FOR EACH ROW
    WHEN (NEW.type = 'billing_charge' AND NEW.billing_period IS NOT NULL AND NEW.status IN ('pending', 'success'))
    EXECUTE FUNCTION one_charge_a_period();
