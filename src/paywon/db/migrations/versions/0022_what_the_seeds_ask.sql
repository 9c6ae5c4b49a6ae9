-- Seed 1's word for how a payment was paid, where only Toss's is known (payments/facts.py has the same table).
UPDATE payments p SET payment_method = known.means
FROM (SELECT id, CASE
        WHEN method IN ('카드', 'CARD', '간편결제', 'EASY_PAY') THEN 'card'
        WHEN method IN ('계좌이체', 'TRANSFER') THEN 'transfer'
        WHEN method IN ('가상계좌', 'VIRTUAL_ACCOUNT') THEN 'virtual_account'
        WHEN method IN ('휴대폰', 'MOBILE_PHONE') THEN 'mobile' END AS means
      FROM payments WHERE method IS NOT NULL) known
WHERE known.id = p.id AND p.payment_method IS DISTINCT FROM known.means;
