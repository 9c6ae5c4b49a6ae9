"""Making, cancelling and reading capsules."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from paywon.base.errors import PaywonError
from paywon.base.ids import CapsuleId, OrderNo, UserId, new_uuid
from paywon.capsules import model, store
from paywon.capsules.model import Capsule, CapsuleStatus
from paywon.db.pool import Connection, Database
from paywon.orders.model import CapsuleWish, Order, check_capsule_wish


class CapsuleFulfilment:
    """The bundled fulfilment, as a plug-in would be one; ``price_krw`` is asked for each of the capsule's people."""

    def __init__(self, *, price_krw: int | None = None) -> None:
        self._price_krw = price_krw

    def price(self, spec: Mapping[str, Any], now: datetime) -> int | None:
        return None if self._price_krw is None else self._price_krw * int(spec["headcount"])

    def check(self, options: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """Read a wish as ``POST /api/orders`` names it.

        Raises:
            PaywonError: FULFILMENT_FIELDS, CUSTOM_OPEN_AT_REQUIRED or CUSTOM_OPEN_AT_IN_PAST, naming the field.
        """
        for name in ("timeOption", "headcount", "title"):
            if options.get(name) is None:
                raise PaywonError("FULFILMENT_FIELDS", field=f"fulfilment.{name}")
        wish = CapsuleWish(
            time_option=options["timeOption"],
            custom_open_at=options.get("customOpenAt"),
            headcount=options["headcount"],
            title=options["title"],
        )
        check_capsule_wish(wish, now)
        kept: dict[str, Any] = msgspec.to_builtins(wish)
        return kept

    async def fulfil(self, conn: Connection, order: Order, now: datetime) -> str | None:
        return await make_capsule(conn, order, now)

    async def reverse(self, conn: Connection, order: Order, now: datetime, reason: str | None) -> None:
        await store.cancel(conn, order.id, now)


async def make_capsule(conn: Connection, order: Order, now: datetime) -> str | None:
    """Make the capsule of a paid order, within the caller's transaction; at most one an order.

    Answers None, or in a word why it cannot be made.
    """
    wish = msgspec.convert(order.fulfilment_spec, CapsuleWish)
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


async def find_capsule(db: Database, capsule_id: CapsuleId, *, owner: UserId | None) -> tuple[Capsule, OrderNo]:
    """Fetch a capsule with its order's number; somebody else's does not exist for ``owner``.

    Raises:
        PaywonError: CAPSULE_NOT_FOUND.
    """
    async with db.connection() as conn:
        found = await store.by_id(conn, capsule_id)
    if found is None or owner not in (None, found[0].user_id):
        raise PaywonError("CAPSULE_NOT_FOUND")
    return found
