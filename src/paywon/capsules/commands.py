"""Making, cancelling and reading capsules."""

from datetime import datetime

from paywon.base.errors import PaywonError
from paywon.base.ids import CapsuleId, UserId, new_uuid
from paywon.capsules import model, store
from paywon.capsules.model import Capsule, CapsuleStatus
from paywon.db.pool import Connection, Database
from paywon.orders.model import Order


async def make_capsule(conn: Connection, order: Order, now: datetime) -> str | None:
    """Make the capsule of a paid order, within the caller's transaction; at most one an order.

    Answers None, or in a word why it cannot be made.
    """
    wish = order.fulfilment_spec
    assert wish is not None, "a time_capsule order carries its wish"
    made = await store.by_order(conn, order.id)
    if made is not None and made.status is CapsuleStatus.LOCKED:
        return None
    if (reason := model.obstacle(wish, now)) is not None:
        return reason
    if made is not None:
        # A bank took the deposit back and the customer paid again: it is still the order's one capsule.
        await store.lock_again(conn, order.id, open_at=model.open_at(wish, now))
        return None
    capsule = Capsule(
        id=CapsuleId(new_uuid()),
        order_id=order.id,
        user_id=order.user_id,
        title=wish.title,
        headcount=wish.headcount,
        view_limit=wish.headcount,
        time_option=wish.time_option,
        open_at=model.open_at(wish, now),
        status=CapsuleStatus.LOCKED,
        created_at=now,
        canceled_at=None,
    )
    await store.insert(conn, capsule)
    return None


async def cancel_capsule(conn: Connection, order: Order, now: datetime) -> bool:
    """Cancel the capsule of a fully refunded order; answer whether there was one to cancel."""
    return await store.cancel(conn, order.id, now)


async def find_capsule(db: Database, capsule_id: CapsuleId, *, owner: UserId | None) -> Capsule:
    """Fetch a capsule; somebody else's does not exist for ``owner``.

    Raises:
        PaywonError: CAPSULE_NOT_FOUND.
    """
    async with db.connection() as conn:
        capsule = await store.by_id(conn, capsule_id)
    if capsule is None or owner not in (None, capsule.user_id):
        raise PaywonError("CAPSULE_NOT_FOUND")
    return capsule
