"""Making, listing, revoking and recognising API keys."""

from datetime import datetime

from paywon.base.clock import Clock
from paywon.base.ids import ApiKeyId, new_uuid
from paywon.db.pool import Database
from paywon.operators import store
from paywon.operators.model import KEY_PREFIX, ApiKey, Scope, digest_of, new_key
from paywon.web.auth import Principal


async def create_api_key(
    db: Database, *, name: str, scopes: list[str], expires_at: datetime | None, clock: Clock
) -> str:
    """Make a key and answer it; this is the only time that it is seen.

    Raises:
        ValueError: a scope that does not exist.
    """
    plain = new_key()
    key = ApiKey(
        id=ApiKeyId(new_uuid()),
        name=name,
        prefix=plain[: len(KEY_PREFIX) + 6],
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


async def revoke_api_key(db: Database, *, key_id: ApiKeyId, clock: Clock) -> bool:
    """Revoke a key for good; answer whether there was one to revoke."""
    async with db.connection() as conn:
        return await store.revoke(conn, key_id, clock.now())


async def recognise(db: Database, clock: Clock, plain: str) -> Principal | None:
    """Answer who holds a key; None for a key that opens nothing."""
    if not plain.startswith(KEY_PREFIX):
        return None
    async with db.connection() as conn:
        key = await store.by_digest(conn, digest_of(plain))
    if key is None or not key.usable(clock.now()):
        return None
    return Principal(actor=f"key:{key.name}", holder=f"key:{key.id}", scopes=frozenset(key.scopes), owner=None)
