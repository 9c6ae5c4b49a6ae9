"""Idempotency keys are forgotten a batch at a time, however many have gathered while no worker ran."""

from datetime import timedelta

from paywon.db.pool import Database
from paywon.idempotency.commands import forget_old_keys
from paywon.idempotency.model import KEPT_FOR
from tests.support.books import MovableClock

_MAKE = """
INSERT INTO idempotency_keys (holder, key, operation, digest, subject_id, created_at)
SELECT 'shop', $1 || n, 'POST /x', '\\x00', gen_random_uuid(), $2 FROM generate_series(1, $3) n
"""


async def test_what_has_gathered_is_forgotten_in_batches_and_the_rest_by_the_next_run(db: Database) -> None:
    clock = MovableClock()
    async with db.connection() as conn:
        await conn.execute(_MAKE, "old-", clock.now() - KEPT_FOR - timedelta(seconds=1), 250)
        await conn.execute(_MAKE, "new-", clock.now() - KEPT_FOR + timedelta(minutes=1), 7)
    assert await forget_old_keys(db, clock, limit=40, rounds=3) == 120
    assert await _left(db) == 137
    async with db.transaction() as holder:
        await holder.execute("SELECT FROM idempotency_keys WHERE key = 'old-250' FOR UPDATE")
        assert await forget_old_keys(db, clock, limit=100, rounds=9) == 129, "a key that is held waits"
    assert await forget_old_keys(db, clock) == 1
    assert await _left(db) == 7


async def _left(db: Database) -> int:
    async with db.connection() as conn:
        return int(await conn.fetchval("SELECT count(*) FROM idempotency_keys"))
