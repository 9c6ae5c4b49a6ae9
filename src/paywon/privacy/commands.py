"""Forgetting a person, order by order, each in a transaction of its own: cut off, the next run goes on."""

from collections import Counter
from collections.abc import Callable, Mapping

from paywon.base.clock import Clock
from paywon.base.ids import BillingKeyId, OrderId, UserId, new_uuid
from paywon.base.sealing import KeyRing
from paywon.db.pool import Connection, Database
from paywon.privacy import store
from paywon.privacy.model import Act, Person, Report, pseudonym_of


async def look(db: Database, ring: KeyRing, user_id: UserId) -> Report:
    """Say what forgetting a user would come to; nothing is changed."""
    person = Person(user_id=user_id, pseudonym=pseudonym_of(ring, user_id))
    async with db.connection() as conn:
        rows = Counter(await store.count_rows(conn, person))
        return Report(
            known=rows.total() > 0,
            pseudonym=person.pseudonym,
            orders=await store.orders_of(conn, person),
            under_way=await store.under_way(conn, person),
            rows=rows,
        )


async def forget(
    db: Database,
    clock: Clock,
    ring: KeyRing,
    user_id: UserId,
    *,
    operator: str,
    on_order: Callable[[int, int], None] = lambda *_: None,
) -> Report:
    """Forget a user, unless something of theirs is under way; the books and the chains stay whole.

    ``on_order`` is told how many orders are done, of how many. Answers what changed: nothing, if it was done before.
    """
    found = await look(db, ring, user_id)
    if not found.known or found.under_way:
        return found
    person = Person(user_id=user_id, pseudonym=UserId(found.pseudonym))
    act = Act(id=new_uuid(), pseudonym=person.pseudonym, operator=operator, started_at=clock.now())
    async with db.transaction() as conn:
        act = await store.begin_act(conn, act)
        keys = await store.keys_of(conn, person)
    rows: Counter[str] = Counter(act.rows)
    for number, order_id in enumerate(found.orders, start=1):
        async with db.transaction() as conn:
            await _forget_order(conn, order_id, person, rows)
            await store.note_progress(conn, act, rows, None)
        on_order(number, len(found.orders))
    await _forget_rest(db, clock, act, found.orders, keys, person, rows)
    return Report(known=True, pseudonym=person.pseudonym, orders=found.orders, rows=rows, act=act)


async def _forget_order(conn: Connection, order_id: OrderId, person: Person, rows: Counter[str]) -> None:
    payment_id = await store.hold_order(conn, order_id)
    _add(rows, await store.forget_order(conn, order_id, person))
    if payment_id is not None:
        _add(rows, await store.forget_payment(conn, payment_id, person))


async def _forget_rest(
    db: Database,
    clock: Clock,
    act: Act,
    orders: list[OrderId],
    keys: list[BillingKeyId],
    person: Person,
    rows: Counter[str],
) -> None:
    async with db.transaction() as conn:
        for key_id in keys:
            _add(rows, await store.forget_key(conn, key_id, person))
        _add(rows, {"idempotency_keys": await store.forget_replies(conn, [*orders, *keys], person)})
        await store.note_progress(conn, act, rows, clock.now())


def _add(rows: Counter[str], changed: Mapping[str, int]) -> None:
    rows.update({name: number for name, number in changed.items() if number})
