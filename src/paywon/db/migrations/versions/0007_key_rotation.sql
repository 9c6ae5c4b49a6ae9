-- A key that takes another one's place keeps its holder: what is kept by holder, idempotency keys and rates, goes on.
ALTER TABLE api_keys
    ADD COLUMN holder_id uuid,
    ADD COLUMN last_used_at timestamptz,
    ADD COLUMN rotated_at timestamptz;
UPDATE api_keys SET holder_id = id;
ALTER TABLE api_keys ALTER COLUMN holder_id SET NOT NULL;
