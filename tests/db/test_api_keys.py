"""API keys: rotated with an overlap, and their use noted without a write for each request."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import asyncpg
import pytest

from paywon.base.ids import ApiKeyId, new_uuid
from paywon.db.pool import Database
from paywon.operators.commands import create_api_key, list_api_keys, recognise, revoke_api_key, rotate_api_key
from paywon.operators.model import ApiKey
from paywon.operators.refused import RefusedKeys
from tests.conftest import FreshDatabase
from tests.support.books import MovableClock

DAY = timedelta(days=1)


async def _made(db: Database, clock: MovableClock, *, days: int | None = None) -> tuple[str, ApiKey]:
    expires_at = None if days is None else clock.now() + timedelta(days=days)
    plain = await create_api_key(db, name="shop", scopes=["orders:read"], expires_at=expires_at, clock=clock)
    return plain, (await list_api_keys(db))[-1]


async def test_a_rotated_key_works_on_for_a_while_beside_the_new_one(db: Database) -> None:
    clock = MovableClock()
    old, row = await _made(db, clock)
    new = await rotate_api_key(db, key_id=row.id, overlap=DAY, clock=clock)
    assert new is not None and new != old
    before, after = await recognise(db, clock, old), await recognise(db, clock, new)
    assert before == after, "the same holder: an Idempotency-Key sent with both is one"
    clock.at += DAY
    assert await recognise(db, clock, old) is None
    assert await recognise(db, clock, new) == after
    retired, current = await list_api_keys(db)
    assert (retired.rotated_at, retired.expires_at) == (clock.at - DAY, clock.at)
    assert (current.rotated_at, current.expires_at, current.name, current.scopes) == (None, None, "shop", row.scopes)


async def test_without_an_overlap_the_old_key_ends_at_once(db: Database) -> None:
    clock = MovableClock()
    old, row = await _made(db, clock)
    assert await rotate_api_key(db, key_id=row.id, overlap=timedelta(), clock=clock)
    assert await recognise(db, clock, old) is None


async def test_a_key_that_ends_is_not_made_to_live_longer(db: Database) -> None:
    clock = MovableClock()
    _, row = await _made(db, clock, days=30)
    clock.at += 29.5 * DAY
    assert await rotate_api_key(db, key_id=row.id, overlap=DAY, clock=clock)
    retired, current = await list_api_keys(db)
    assert retired.expires_at == row.expires_at, "and not half a day later"
    assert current.expires_at == clock.at + 30 * DAY, "as long a life as the old one was given"


async def test_what_opens_nothing_is_not_rotated(db: Database) -> None:
    clock = MovableClock()
    _, revoked = await _made(db, clock)
    _, over = await _made(db, clock, days=1)
    _, rotated = await _made(db, clock)
    assert await revoke_api_key(db, key_id=revoked.id, clock=clock)
    assert await rotate_api_key(db, key_id=rotated.id, overlap=DAY, clock=clock)
    clock.at += DAY / 2
    assert await rotate_api_key(db, key_id=rotated.id, overlap=DAY, clock=clock) is None
    clock.at += DAY
    for key_id in (revoked.id, over.id, rotated.id, ApiKeyId(new_uuid())):
        assert await rotate_api_key(db, key_id=key_id, overlap=DAY, clock=clock) is None


async def test_two_rotations_at_once_make_one_key(db: Database) -> None:
    clock = MovableClock()
    _, row = await _made(db, clock)
    made = await asyncio.gather(*(rotate_api_key(db, key_id=row.id, overlap=DAY, clock=clock) for _ in range(5)))
    assert sum(key is not None for key in made) == 1
    assert len(await list_api_keys(db)) == 2


async def test_the_use_of_a_key_is_written_once_a_minute(db: Database) -> None:
    clock = MovableClock(at=datetime(2026, 11, 22, 3, 0, tzinfo=UTC))
    plain, row = await _made(db, clock)

    async def versions() -> set[str]:
        async with db.connection() as conn:
            return {record["xmin"] for record in await conn.fetch("SELECT xmin::text FROM api_keys")}

    assert row.last_used_at is None
    seen = [await versions()]
    for seconds in (0, 1, 58, 1, 59, 2):
        clock.at += timedelta(seconds=seconds)
        await asyncio.gather(*(recognise(db, clock, plain) for _ in range(8)))
        seen.append(await versions())
    changes = [earlier != later for earlier, later in pairwise(seen)]
    assert changes == [True, False, False, True, False, True]
    assert (await list_api_keys(db))[0].last_used_at == clock.at


async def test_a_wrong_key_that_comes_again_costs_no_query(db: Database) -> None:
    clock, refused = MovableClock(), RefusedKeys()
    plain, row = await _made(db, clock)
    assert await recognise(db, clock, plain + "x", refused=refused) is None
    async with db.connection() as conn:
        await conn.execute("ALTER TABLE api_keys RENAME TO hidden")
    assert await recognise(db, clock, plain + "x", refused=refused) is None
    with pytest.raises(asyncpg.UndefinedTableError):
        await recognise(db, clock, plain + "y", refused=refused)
    async with db.connection() as conn:
        await conn.execute("ALTER TABLE hidden RENAME TO api_keys")
    assert await recognise(db, clock, plain, refused=refused) is not None, "a right key is not held up"
    assert await revoke_api_key(db, key_id=row.id, clock=clock)
    assert await recognise(db, clock, plain, refused=refused) is None, "revoked is revoked at once"
    fresh, _ = await _made(db, clock)
    assert await recognise(db, clock, fresh, refused=refused) is not None, "and a new key works at once"


def test_refused_keys_are_forgotten_after_a_minute_and_never_too_many() -> None:
    now_s = 0.0
    refused = RefusedKeys(most=3, now_s=lambda: now_s)
    for digest in (b"a", b"b", b"c", b"d"):
        refused.add(digest)
    assert [digest in refused for digest in (b"a", b"b", b"c", b"d")] == [False, True, True, True]
    now_s = 60.0
    assert b"d" not in refused


async def test_reading_goes_on_while_the_database_takes_no_writes(db: Database, database: FreshDatabase) -> None:
    clock = MovableClock()
    plain, _ = await _made(db, clock)
    admin = await asyncpg.connect(database.url)
    name = await admin.fetchval("SELECT current_database()")
    await admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await admin.close()
    standby = await Database.connect(database.url, max_connections=1, application_name="test")
    try:
        assert await recognise(standby, clock, plain) is not None
    finally:
        await standby.close()


@pytest.mark.parametrize("text", ["", "pwk_", "pwk_nobody", "PWK_x", "x", "pwk_" + "a" * 10_000, "pwk_\x00"])
async def test_what_is_no_key(db: Database, text: str) -> None:
    assert await recognise(db, MovableClock(), text) is None
