"""Takes in that a billing key is gone at Toss without our asking."""

from paywon.base.ids import BillingKeyId
from paywon.billing import store
from paywon.billing.commands.settling import mark_deleted
from paywon.billing.model import DIGEST_PURPOSE, GONE
from paywon.db.pool import Connection
from paywon.payments.commands.cashier import Cashier


async def is_ours(conn: Connection, cashier: Cashier, billing_key: str) -> bool:
    """Whether a whole billing key is one that was issued to us."""
    return await store.by_digest(conn, cashier.ring.digests(billing_key, purpose=DIGEST_PURPOSE)) is not None


async def forget_deleted(conn: Connection, cashier: Cashier, billing_key: str, *, reason: str | None) -> bool:
    """Mark the key of a BILLING_DELETED as deleted and wipe it, within the caller's transaction.

    The event is not signed and no call reads a billing key (toss/webhooks.md); that it names the whole key, which only
    Toss and we know, is what it is believed for. Answers whether the key is ours; telling it twice changes nothing.
    """
    found = await store.by_digest(conn, cashier.ring.digests(billing_key, purpose=DIGEST_PURPOSE))
    if found is None:
        return False
    await mark_deleted(conn, cashier, await store.lock(conn, found.id), reason=reason or "BILLING_DELETED")
    return True


async def forget_refused(cashier: Cashier, *, limit: int = 20) -> int:
    """Mark the keys as deleted whose charge was refused so once nobody waited for the answer; return how many."""
    async with cashier.db.connection() as conn:
        gone = await store.refused_as_gone(conn, GONE, limit=limit)
    for key_id in gone:
        await forget_gone(cashier, key_id)
    return len(gone)


async def forget_gone(cashier: Cashier, key_id: BillingKeyId) -> None:
    """Mark a key as deleted that Toss refused as removed when it was charged."""
    async with cashier.db.transaction() as conn:
        await mark_deleted(conn, cashier, await store.lock(conn, key_id), reason=GONE)
