-- What identifies a cancel is its key; when it was made may come in a form that cannot be read.
ALTER TABLE payment_cancels DROP CONSTRAINT done_is_named;
ALTER TABLE payment_cancels
    ADD CONSTRAINT done_is_named CHECK (cancel_status <> 'DONE' OR transaction_key IS NOT NULL);

-- Money that Toss approved and that fits none of our books: another currency, another amount.
ALTER TABLE strays DROP CONSTRAINT strays_reason_check;
ALTER TABLE strays
    ADD CONSTRAINT strays_reason_check
        CHECK (reason IN ('ORDER_EXPIRED', 'ORDER_CANCELED', 'ORDER_PAID_ALREADY', 'UNFIT'));

-- Two people are two API keys. What was decided before is not judged by it.
ALTER TABLE desk_decisions
    ADD CONSTRAINT seconded_with_another_key CHECK (second_actor <> actor) NOT VALID;
