ALTER TABLE desk_decisions
    ADD COLUMN order_id uuid REFERENCES orders (id),
    DROP CONSTRAINT about_one_thing,
    ADD CONSTRAINT about_one_thing CHECK (num_nonnulls(attempt_id, stray_id, order_id) = 1),
    DROP CONSTRAINT desk_decisions_kind_check,
    ADD CONSTRAINT desk_decisions_kind_check
        CHECK (kind IN ('reread', 'mark_failed', 'cancel_at_toss', 'retry_fulfilment'));
CREATE INDEX desk_decisions_order ON desk_decisions (order_id, created_at);
