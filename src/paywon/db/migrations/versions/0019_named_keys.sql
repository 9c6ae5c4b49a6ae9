ALTER TABLE payment_transactions ADD COLUMN named_key text;
