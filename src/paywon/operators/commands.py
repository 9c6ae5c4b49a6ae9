"""Making, listing, rotating, revoking and recognising API keys."""

from dataclasses import replace
from datetime import datetime, timedelta

import asyncpg
import structlog

from paywon.base.clock import Clock
from paywon.base.ids import ApiKeyId, new_uuid
from paywon.db.pool import Connection, Database
from paywon.operators import store
from paywon.operators.model import KEY_PREFIX, NOTED_EVERY, ApiKey, Scope, digest_of, new_key
from paywon.operators.refused import RefusedKeys
from paywon.web.auth import Principal

_log = structlog.get_logger()


async def create_api_key(
    db: Database, *, name: str, scopes: list[str], expires_at: datetime | None, clock: Clock
) -> str:
    """Make a key and answer it; this is the only time that it is seen.

    Raises:
        ValueError: a scope that does not exist.
    """
    plain = new_key()
    key_id = ApiKeyId(new_uuid())
    key = ApiKey(
        id=key_id,
        holder_id=key_id,
        name=name,
        prefix=_prefix(plain),
        scopes=tuple(Scope(scope) for scope in scopes),
        created_at=clock.now(),
        expires_at=expires_at,
        revoked_at=None,
    )
    async with db.connection() as conn:
        await store.insert(conn, key, digest_of(plain))
    return plain


async def list_api_keys(db: Database) -> list[ApiKey]:
    """List all keys, oldest first."""
    async with db.connection() as conn:
        return await store.every(conn)


async def rotate_api_key(db: Database, *, key_id: ApiKeyId, overlap: timedelta, clock: Clock) -> str | None:
    """Make a key that takes another one's place, and let that one end after the overlap.

    The new key has the old one's name, scopes, holder and length of life. Answers it, the only time that it is seen;
    None where there is no key to rotate: none at all, one that opens nothing any more, or one that was rotated before.
    """
    now, plain = clock.now(), new_key()
    async with db.transaction() as conn:
        old = await store.lock(conn, key_id)
        if old is None or not old.usable(now) or old.rotated_at is not None:
            return None
        new = replace(
            old,
            id=ApiKeyId(new_uuid()),
            prefix=_prefix(plain),
            created_at=now,
            expires_at=old.lifetime_from(now),
            last_used_at=None,
        )
        await store.insert(conn, new, digest_of(plain))
        await store.retire(conn, old.id, now, ends_at=old.retired(now, overlap=overlap))
    return plain


async def revoke_api_key(db: Database, *, key_id: ApiKeyId, clock: Clock) -> bool:
    """Revoke a key for good; answer whether there was one to revoke."""
    async with db.connection() as conn:
        return await store.revoke(conn, key_id, clock.now())


async def recognise(db: Database, clock: Clock, plain: str, *, refused: RefusedKeys | None = None) -> Principal | None:
    """Answer who holds a key, and write down its use once a minute; None for a key that opens nothing.

    What is in ``refused`` is not looked up, and what opens nothing is added to it.
    """
    digest = digest_of(plain)
    if not plain.startswith(KEY_PREFIX) or (refused is not None and digest in refused):
        return None
    now = clock.now()
    async with db.connection() as conn:
        key = await store.by_digest(conn, digest)
        if key is None or not key.usable(now):
            if refused is not None:
                refused.add(digest)
            return None
        if key.is_use_news(now):
            await _note_use(conn, key.id, now)
    return Principal(actor=f"key:{key.name}", holder=f"key:{key.holder_id}", scopes=frozenset(key.scopes), owner=None)


async def _note_use(conn: Connection, key_id: ApiKeyId, now: datetime) -> None:
    try:
        await store.note_use(conn, key_id, now, last_before=now - NOTED_EVERY)
    except asyncpg.ReadOnlySQLTransactionError:
        # During a failover reading goes on, and so does who may read.
        _log.debug("the use of a key was not written down")


def _prefix(plain: str) -> str:
    return plain[: len(KEY_PREFIX) + 6]
