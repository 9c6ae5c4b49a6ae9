-- Seed 1's word for how a payment was paid, where only Toss's is known (payments/facts.py has the same table).
UPDATE payments p SET payment_method = known.means
FROM (SELECT id, CASE
        WHEN method IN ('카드', 'CARD', '간편결제', 'EASY_PAY') THEN 'card'
        WHEN method IN ('계좌이체', 'TRANSFER') THEN 'transfer'
        WHEN method IN ('가상계좌', 'VIRTUAL_ACCOUNT') THEN 'virtual_account'
        WHEN method IN ('휴대폰', 'MOBILE_PHONE') THEN 'mobile' END AS means
      FROM payments WHERE method IS NOT NULL) known
WHERE known.id = p.id AND p.payment_method IS DISTINCT FROM known.means;

-- Of a card's number at most the last four signs are kept of what Toss shows (43306542****090*). A closed attempt never
-- changes (ADR 0016): invariant I13 asks it only of attempts that began after this.
CREATE TABLE audit_rules (
    rule text PRIMARY KEY,
    since timestamptz NOT NULL
);
-- Where attempts are, processes of the version before go on writing while the new one is rolled out.
INSERT INTO audit_rules (rule, since)
SELECT 'card_last_four',
       CASE WHEN EXISTS (SELECT FROM payment_transactions) THEN now() + interval '1 day' ELSE '-infinity' END;

CREATE FUNCTION mask_cards(document jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT regexp_replace(document::text, '"number": "[0-9][0-9* -]{8,18}([0-9*]{4})"',
                          '"number": "************\1"', 'g')::jsonb
$$;
UPDATE payments SET raw_response = mask_cards(raw_response)
WHERE raw_response IS DISTINCT FROM mask_cards(raw_response);
UPDATE webhook_events SET body = mask_cards(body) WHERE body IS DISTINCT FROM mask_cards(body);
UPDATE billing_keys SET card_meta = mask_cards(card_meta) WHERE card_meta IS DISTINCT FROM mask_cards(card_meta);
UPDATE payment_transactions SET response_data = mask_cards(response_data)
WHERE closed_at IS NULL AND response_data IS DISTINCT FROM mask_cards(response_data);
