-- A refund that the bank did not pay out is sent to another account by a question of its own, one at a time like any
-- other that moves money.
ALTER TABLE payment_transactions
    DROP CONSTRAINT payment_transactions_type_check,
    ADD CONSTRAINT payment_transactions_type_check CHECK (type IN (
        'payment_request', 'payment_confirmation', 'payment_cancellation', 'refund_request', 'refund_again',
        'virtual_account_issue', 'billing_key_issue', 'billing_key_delete', 'billing_charge', 'cash_receipt_issue',
        'cash_receipt_cancel', 'status_read', 'webhook_received', 'late_answer', 'erasure'));
DROP INDEX payment_transactions_one_open;
CREATE UNIQUE INDEX payment_transactions_one_open ON payment_transactions (payment_id)
    WHERE status = 'pending'
      AND type IN ('payment_confirmation', 'payment_cancellation', 'refund_request', 'refund_again',
                   'virtual_account_issue', 'billing_charge');

-- Since when, and as what, Toss shows a payment that cannot have become that: ABORTED after DONE, a balance that rose.
ALTER TABLE payments ADD COLUMN impossible_since timestamptz, ADD COLUMN impossible_shown text;
CREATE INDEX payments_impossible ON payments (impossible_since) WHERE impossible_since IS NOT NULL;

-- Charges that Toss refused because their billing key is gone: such a key is marked as deleted, whoever asked.
CREATE INDEX payment_transactions_key_gone ON payment_transactions (billing_key_id)
    WHERE type = 'billing_charge' AND error_code = 'ALREADY_REMOVED_BILLING_KEY' AND outcome = 'no';
