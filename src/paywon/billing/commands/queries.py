"""What we know of billing keys. Asks nobody and changes nothing."""

from uuid import UUID

from paywon.base.errors import PaywonError
from paywon.base.ids import BillingKeyId
from paywon.base.sealing import KeyRing
from paywon.billing import store
from paywon.billing.model import ABOUT_KEYS, DIGEST_PURPOSE, BillingKey, KeyView
from paywon.db.pool import Connection
from paywon.payments import store as payments
from paywon.payments.commands.cashier import Cashier, Origin


async def find_key(cashier: Cashier, name: str, origin: Origin) -> KeyView:
    """Fetch a billing key by our id or by the key itself.

    Raises:
        PaywonError: BILLING_KEY_NOT_FOUND, also for somebody else's.
    """
    async with cashier.db.connection() as conn:
        return await view(conn, await named(conn, cashier.ring, name, origin))


async def list_keys(cashier: Cashier, wanted: store.PageFilter) -> list[KeyView]:
    """List billing keys, newest first."""
    async with cashier.db.connection() as conn:
        keys = await store.page(conn, wanted)
        attempts = await payments.last_about_keys(conn, ABOUT_KEYS, [key.id for key in keys])
    return [KeyView(key=key, attempt=attempts.get(key.id)) for key in keys]


async def named(conn: Connection, ring: KeyRing, name: str, origin: Origin) -> BillingKey:
    """Fetch the row that a caller names, by our id or by the key itself. Raises as ``find_key``."""
    key_id = _as_id(name)
    key = await store.by_id(conn, key_id) if key_id is not None else None
    key = key or await store.by_digest(conn, ring.digests(name, purpose=DIGEST_PURPOSE))
    if key is None or origin.owner not in (None, key.user_id):
        raise PaywonError("BILLING_KEY_NOT_FOUND")
    return key


async def view(conn: Connection, key: BillingKey) -> KeyView:
    """Add to a billing key the newest attempt to issue or delete it."""
    attempts = await payments.last_about_keys(conn, ABOUT_KEYS, [key.id])
    return KeyView(key=key, attempt=attempts.get(key.id))


async def view_by_id(cashier: Cashier, key_id: BillingKeyId) -> KeyView:
    """Fetch a billing key that exists."""
    async with cashier.db.connection() as conn:
        key = await store.by_id(conn, key_id)
        assert key is not None, "billing keys are never deleted"
        return await view(conn, key)


def _as_id(name: str) -> BillingKeyId | None:
    try:
        return BillingKeyId(UUID(name))
    except ValueError:
        return None
