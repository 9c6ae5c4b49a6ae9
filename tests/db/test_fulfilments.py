"""A plug-in may do what it likes, and fail as it likes: the payment is never lost, and a person can see why."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from paywon.base.errors import PaywonError
from paywon.base.ids import UserId
from paywon.capsules.commands import CapsuleFulfilment
from paywon.db.pool import Connection, Database, forbid_open_transaction
from paywon.desk import store as desk
from paywon.desk.commands import Decider, retry_fulfilment
from paywon.desk.model import Kind
from paywon.fulfilments.commands import BUNDLED, Fulfilments
from paywon.fulfilments.protocol import Fulfilment, OptionRefused
from paywon.invariants.commands import look_at
from paywon.invariants.model import Invariant
from paywon.orders import store as orders
from paywon.orders.commands import OrderWish, add_order
from paywon.orders.model import CapsuleWish, FulfilmentKind, Order, TimeOption
from paywon.payments.commands.cashier import Origin
from paywon.payments.model import AttemptType
from tests.support.books import AMOUNT, Books, open_books
from tests.support.marks import CARDS


class Bookings:
    """A plug-in with a table of its own, and whatever trouble a test has it make."""

    def __init__(self) -> None:
        self.trouble: dict[str, Any] = {}

    def check(self, options: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        if not isinstance(options.get("room"), int):
            raise OptionRefused("room", ko="방 번호가 필요합니다.", en="A room's number is needed.")
        return {"room": options["room"]}

    async def fulfil(self, conn: Connection, order: Order, now: datetime) -> str | None:
        spec = order.fulfilment_spec
        assert spec is not None
        await conn.execute(
            "INSERT INTO bookings VALUES ($1, $2, true) ON CONFLICT (order_no) DO UPDATE SET stands = true",
            order.order_no,
            spec["room"],
        )
        return await self._make("fulfil", conn)

    async def reverse(self, conn: Connection, order: Order, now: datetime, reason: str | None) -> None:
        await conn.execute("UPDATE bookings SET stands = false WHERE order_no = $1", order.order_no)
        await self._make("reverse", conn)

    async def _make(self, step: str, conn: Connection) -> str | None:
        trouble = self.trouble.get(step)
        if isinstance(trouble, Exception):
            raise trouble
        if trouble == "sql":
            await conn.execute("SELECT 1 / 0")
        if trouble == "swallowed":
            with contextlib.suppress(asyncpg.PostgresError):
                await conn.execute("SELECT 1 / 0")
        if trouble == "provider":
            forbid_open_transaction()
        if trouble == "slow":
            await conn.execute("SELECT pg_sleep(60)")
        if trouble == "hang":
            await asyncio.sleep(60)
        if trouble == "halt":
            asyncio.get_running_loop().call_soon(time.sleep, 1.0)  # the whole process stands still
            await conn.execute("SELECT 1")
        return trouble if isinstance(trouble, str) and trouble.isupper() else None


@pytest.fixture
def bookings() -> Bookings:
    return Bookings()


@pytest.fixture
async def books(db: Database, bookings: Bookings) -> AsyncIterator[Books]:
    async with db.connection() as conn:
        await conn.execute("CREATE TABLE bookings (order_no text PRIMARY KEY, room int NOT NULL, stands bool NOT NULL)")
    async with open_books(db) as opened:
        opened.cashier = replace(opened.cashier, fulfilments=Fulfilments({"room": bookings}))
        yield opened


async def place(books: Books, kind: str = "room") -> Order:
    wish = OrderWish(
        user_id=UserId("u-1"), order_name="방", amount=AMOUNT, fulfilment_kind=kind, fulfilment_options={"room": 7}
    )
    async with books.db.transaction() as conn:
        return await add_order(conn, wish, now=books.clock.now(), time_to_pay=timedelta(minutes=30))


async def pay(books: Books, kind: str = "room") -> Order:
    order = await place(books, kind)
    await books.answer(await books.ask(AttemptType.PAYMENT_CONFIRMATION, order))
    return order


async def now_is(books: Books, order: Order) -> tuple[str, str, str | None, bool | None]:
    """An order's status, its fulfilment's status and reason, and whether its booking stands."""
    async with books.db.connection() as conn:
        found = await orders.by_id(conn, order.id)
        stands = await conn.fetchval("SELECT stands FROM bookings WHERE order_no = $1", order.order_no)
    assert found is not None
    return found.status, found.fulfilment_status, found.fulfilment_reason, stands


async def i6_holds(books: Books) -> bool:
    return (await look_at(books.db, Invariant.I6)).holds


async def test_it_is_done_with_the_payment_and_taken_back_with_the_refund(books: Books) -> None:
    order = await pay(books)
    assert await now_is(books, order) == ("PAID", "FULFILLED", None, True)
    await books.refunded(order, AMOUNT // 2)
    assert await now_is(books, order) == ("PARTIALLY_REFUNDED", "FULFILLED", None, True)
    whole = await pay(books)
    await books.refunded(whole, AMOUNT)
    assert await now_is(books, whole) == ("REFUNDED", "REVERSED", None, False)
    assert await i6_holds(books)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("ROOM_TAKEN", "ROOM_TAKEN"),
        (ValueError("no such\nroom"), "FULFILMENT_FAILED: ValueError: no such"),
        (RuntimeError(f"for {CARDS[0]}"), "FULFILMENT_FAILED: RuntimeError: for [redacted]"),
        (PaywonError("ORDER_NOT_FOUND"), "FULFILMENT_FAILED: PaywonError: ORDER_NOT_FOUND"),
        ("sql", "FULFILMENT_FAILED: DivisionByZeroError: division by zero"),
        (
            "swallowed",
            "FULFILMENT_FAILED: InFailedSQLTransactionError: current transaction is aborted, commands ignored until "
            "end of transaction block",
        ),
        (
            "provider",
            "FULFILMENT_FAILED: RuntimeError: a provider was about to be called inside a database transaction (I11)",
        ),
    ],
    ids=str,
)
async def test_whatever_breaks_the_payment_stands_and_a_person_is_told_why(
    books: Books, bookings: Bookings, trouble: Any, reason: str
) -> None:
    bookings.trouble["fulfil"] = trouble
    order = await pay(books)
    # What it says itself it may have written beside; what broke off has left nothing.
    stands = True if trouble == "ROOM_TAKEN" else None
    assert await now_is(books, order) == ("PAID", "BLOCKED", reason, stands)
    async with books.db.connection() as conn:
        (shown,) = await desk.leftovers(conn, Kind.FULFILMENT, after=None, limit=10)
        open_ones = await conn.fetchval("SELECT count(*) FROM payment_transactions WHERE status = 'pending'")
    assert (shown.kind, shown.order_no, shown.reason, open_ones) == ("fulfilment", order.order_no, reason, 0)
    assert await i6_holds(books)
    # There is nothing to take back.
    bookings.trouble["reverse"] = ValueError("never asked")
    await books.refunded(order, AMOUNT)
    assert (await now_is(books, order))[:3] == ("REFUNDED", "REVERSED", None)


SLOW = ["slow", "hang", TimeoutError(), asyncpg.LockNotAvailableError("held"), asyncpg.QueryCanceledError("10 s")]


async def next_look(books: Books, order: Order) -> datetime | None:
    async with books.db.connection() as conn:
        at: datetime | None = await conn.fetchval("SELECT look_again_at FROM payments WHERE order_id = $1", order.id)
    return at


async def told_blocked(books: Books, order: Order) -> int:
    async with books.db.connection() as conn:
        query = "SELECT count(*) FROM events WHERE stream = $1 AND type = 'order.fulfilment_blocked'"
        return int(await conn.fetchval(query, order.id))


async def try_again(books: Books, order: Order) -> timedelta:
    """Do what the planned look does when its time has come; answer how long that was."""
    at, before = await next_look(books, order), books.clock.at
    assert at is not None, "nobody will try again"
    books.clock.at = at
    await books.answer(await books.ask(AttemptType.STATUS_READ, order))
    return at - before


@pytest.mark.parametrize("trouble", SLOW, ids=repr)
async def test_what_a_slow_database_kept_from_being_handed_over_is_tried_again_by_itself(
    books: Books, bookings: Bookings, trouble: Any
) -> None:
    books.cashier = replace(books.cashier, fulfilments=Fulfilments({"room": bookings}, patience_s=0.3))
    bookings.trouble["fulfil"] = trouble
    order = await pay(books)
    status, fulfilment, reason, stands = await now_is(books, order)
    assert (status, fulfilment, stands) == ("PAID", "WAITING", None)
    assert (reason or "").startswith("FULFILMENT_FAILED: ")
    assert await i6_holds(books)
    bookings.trouble.clear()
    assert await try_again(books, order) == timedelta(seconds=30)
    assert await now_is(books, order) == ("PAID", "FULFILLED", None, True)
    assert (await next_look(books, order), await told_blocked(books, order)) == (None, 0)


async def test_what_stays_too_slow_is_for_a_person_after_a_few_tries(books: Books, bookings: Bookings) -> None:
    bookings.trouble["fulfil"] = TimeoutError()
    order = await pay(books)
    waits: list[float] = []
    while (await now_is(books, order))[1] == "WAITING" and len(waits) < 20:
        assert await told_blocked(books, order) == 0
        waits.append((await try_again(books, order)).total_seconds())
    assert waits == [30, 30, 60, 120, 240, 480]
    assert await now_is(books, order) == ("PAID", "BLOCKED", "FULFILMENT_FAILED: it took longer than 4 s", None)
    assert (await next_look(books, order), await told_blocked(books, order)) == (None, 1)
    async with books.db.connection() as conn:
        assert len(await desk.leftovers(conn, Kind.FULFILMENT, after=None, limit=10)) == 1
    bookings.trouble.clear()
    assert (await retry(books, order)).fulfilment_status == "FULFILLED"


async def test_what_a_person_tries_again_and_is_too_slow_stays_with_them(books: Books, bookings: Bookings) -> None:
    bookings.trouble["fulfil"] = "ROOM_TAKEN"
    order = await pay(books)
    bookings.trouble["fulfil"] = TimeoutError()
    assert (await retry(books, order)).fulfilment_status == "BLOCKED"


async def test_what_waits_for_its_next_try_is_refunded_like_everything_else(books: Books, bookings: Bookings) -> None:
    bookings.trouble["fulfil"] = TimeoutError()
    order = await pay(books)
    await books.refunded(order, AMOUNT)
    assert await now_is(books, order) == ("REFUNDED", "REVERSED", None, None)
    assert (await next_look(books, order), await i6_holds(books)) == (None, True)


@pytest.mark.parametrize("step", ["fulfil", "reverse"])
async def test_a_host_that_slept_costs_nobody_their_capsule(books: Books, bookings: Bookings, step: str) -> None:
    books.cashier = replace(books.cashier, fulfilments=Fulfilments({"room": bookings}, patience_s=0.5))
    bookings.trouble[step] = "halt"
    order = await pay(books)
    assert (await now_is(books, order))[:3] == ("PAID", "FULFILLED", None)
    await books.refunded(order, AMOUNT)
    assert (await now_is(books, order))[:3] == ("REFUNDED", "REVERSED", None)


async def test_a_reversal_that_breaks_leaves_the_refund_and_a_note(books: Books, bookings: Bookings) -> None:
    order = await pay(books)
    bookings.trouble["reverse"] = ValueError("the calendar is closed")
    await books.refunded(order, AMOUNT)
    reason = "REVERSAL_FAILED: ValueError: the calendar is closed"
    assert await now_is(books, order) == ("REFUNDED", "BLOCKED", reason, True)
    assert await i6_holds(books)
    async with books.db.connection() as conn:
        assert [found.reason for found in await desk.leftovers(conn, Kind.FULFILMENT, after=None, limit=10)] == [reason]


async def test_a_plug_in_that_is_gone_is_a_case_for_a_person(books: Books) -> None:
    order = await pay(books, kind="gone")
    assert await now_is(books, order) == ("PAID", "BLOCKED", "FULFILMENT_NOT_INSTALLED", None)
    assert await i6_holds(books)


async def retry(books: Books, order: Order) -> Order:
    who = Decider(operator="김담당", reason="달력을 고침", origin=Origin(actor="key:desk"))
    return await retry_fulfilment(books.cashier, order.id, who)


async def test_what_was_blocked_is_handed_over_once_a_person_tries_again(books: Books, bookings: Bookings) -> None:
    bookings.trouble["fulfil"] = "ROOM_TAKEN"
    order = await pay(books)
    bookings.trouble["fulfil"] = ValueError("the calendar is closed")
    tried = await retry(books, order)
    why = "FULFILMENT_FAILED: ValueError: the calendar is closed"
    assert (tried.fulfilment_status, tried.fulfilment_reason) == ("BLOCKED", why)
    async with books.db.connection() as conn:
        (shown,) = await desk.leftovers(conn, Kind.FULFILMENT, after=None, limit=10)
    assert (shown.reason, [each.operator for each in shown.decisions]) == (why, ["김담당"])
    bookings.trouble.clear()
    assert (await retry(books, order)).fulfilment_status == "FULFILLED"
    assert await now_is(books, order) == ("PAID", "FULFILLED", None, True)
    assert await i6_holds(books)
    with pytest.raises(PaywonError, match="DOUBT_NOT_FOUND"):
        await retry(books, order)
    async with books.db.connection() as conn:
        decided = await desk.decisions_of(conn, order.id)
    assert [(each.kind, each.operator, each.reason) for each in decided] == [
        ("retry_fulfilment", "김담당", "달력을 고침")
    ] * 2


@pytest.mark.parametrize("left", [0, AMOUNT // 2])
async def test_after_a_refund_only_what_still_stands_is_handed_over(
    books: Books, bookings: Bookings, left: int
) -> None:
    bookings.trouble["fulfil" if left else "reverse"] = ValueError("the calendar is closed")
    order = await pay(books)
    await books.refunded(order, AMOUNT - left)
    bookings.trouble.clear()
    tried = await retry(books, order)
    assert tried.fulfilment_status == ("FULFILLED" if left else "REVERSED")
    assert (await now_is(books, order))[3] is bool(left)
    assert await i6_holds(books)


async def test_a_deposit_taken_back_whose_reversal_failed_is_taken_back_by_a_retry(
    books: Books, bookings: Bookings
) -> None:
    books.cashier = replace(books.cashier, deposit_hold=timedelta(0))
    order = await place(books)
    await books.answer(await books.ask(AttemptType.VIRTUAL_ACCOUNT_ISSUE, order), "payment-virtual-account-waiting")
    await books.read(order, "payment-virtual-account-done")
    bookings.trouble["reverse"] = ValueError("the calendar is closed")
    books.clock.at += timedelta(seconds=1)
    await books.read(order, "payment-virtual-account-waiting")
    assert (await now_is(books, order))[1] == "BLOCKED"
    bookings.trouble.clear()
    tried = await retry(books, order)
    assert (tried.fulfilment_status, tried.fulfilment_reason) == ("REVERSED", "DEPOSIT_REVERSED")
    assert (await now_is(books, order))[3] is False
    assert await i6_holds(books)


async def test_a_capsule_that_is_handed_over_by_a_retry_is_told(books: Books) -> None:
    wish = CapsuleWish(time_option=TimeOption.ONE_YEAR, custom_open_at=None, headcount=3, title="졸업")
    ordered = OrderWish(
        user_id=UserId("u-1"),
        order_name="캡슐",
        amount=AMOUNT,
        fulfilment_kind=FulfilmentKind.TIME_CAPSULE,
        fulfilment_options=msgspec.to_builtins(wish),
    )
    async with books.db.transaction() as conn:
        order = await add_order(conn, ordered, now=books.clock.now(), time_to_pay=timedelta(minutes=30))
    await books.answer(await books.ask(AttemptType.PAYMENT_CONFIRMATION, order))
    assert (await now_is(books, order))[1:3] == ("BLOCKED", "FULFILMENT_NOT_INSTALLED")
    books.cashier = replace(books.cashier, fulfilments=BUNDLED)
    assert (await retry(books, order)).fulfilment_status == "FULFILLED"
    async with books.db.connection() as conn:
        told = await conn.fetch("SELECT type FROM events WHERE stream = $1 ORDER BY seq", order.id)
    assert told[-1]["type"] == "capsule.created"


async def test_what_the_application_hands_over_is_not_tried_here(books: Books) -> None:
    async with books.db.transaction() as conn:
        wish = OrderWish(user_id=UserId("u-1"), order_name="방", amount=AMOUNT, fulfilment_kind=FulfilmentKind.EVENT)
        order = await add_order(conn, wish, now=books.clock.now(), time_to_pay=timedelta(minutes=30))
    await books.answer(await books.ask(AttemptType.PAYMENT_CONFIRMATION, order))
    assert (await now_is(books, order))[1:3] == ("BLOCKED", "NO_ENDPOINT")
    with pytest.raises(PaywonError, match="FULFILLED_BY_EVENT"):
        await retry(books, order)


async def test_what_passes_is_tried_again_whole(books: Books, bookings: Bookings) -> None:
    """A deadlock is nobody's fault: the books are as before, and the question stays open for the resolver."""
    bookings.trouble["fulfil"] = asyncpg.DeadlockDetectedError("deadlock detected")
    order = await place(books)
    asked = await books.ask(AttemptType.PAYMENT_CONFIRMATION, order)
    with pytest.raises(asyncpg.DeadlockDetectedError):
        await books.answer(asked)
    assert await now_is(books, order) == ("PENDING_PAYMENT", "WAITING", None, None)
    bookings.trouble.clear()
    await books.answer(asked)
    assert await now_is(books, order) == ("PAID", "FULFILLED", None, True)


async def test_a_deposit_that_is_taken_back_and_paid_again_is_booked_again(books: Books) -> None:
    books.cashier = replace(books.cashier, deposit_hold=timedelta(0))
    order = await place(books)
    await books.answer(await books.ask(AttemptType.VIRTUAL_ACCOUNT_ISSUE, order), "payment-virtual-account-waiting")
    await books.read(order, "payment-virtual-account-done")
    assert (await now_is(books, order))[1:] == ("FULFILLED", None, True)
    books.clock.at += timedelta(seconds=1)
    await books.read(order, "payment-virtual-account-waiting")
    assert (await now_is(books, order))[1:] == ("REVERSED", "DEPOSIT_REVERSED", False)
    books.clock.at += timedelta(seconds=1)
    await books.read(order, "payment-virtual-account-done")
    assert (await now_is(books, order))[1:] == ("FULFILLED", None, True)


async def test_i6_sees_a_plug_ins_order_that_is_left_behind(books: Books) -> None:
    for damage in (
        "UPDATE orders SET fulfilment_status = 'WAITING'",
        "UPDATE orders SET fulfilment_status = 'BLOCKED', fulfilment_reason = NULL",
        "UPDATE orders SET fulfilment_status = 'FULFILLED', status = 'REFUNDED'",
        "UPDATE orders SET fulfilment_status = 'NONE'",
    ):
        await pay(books)
        await books.damage(damage)
        assert not await i6_holds(books), damage
        await books.damage(
            "UPDATE orders SET status = 'PAID', fulfilment_status = 'FULFILLED', fulfilment_reason = NULL"
        )
        assert await i6_holds(books)


def test_what_is_asked_for_is_looked_at_when_an_order_is_placed(bookings: Bookings) -> None:
    now, known = datetime.now().astimezone(), Fulfilments({"room": bookings, "time_capsule": CapsuleFulfilment()})
    assert known.checked("room", {"room": 3, "more": True}, now) == {"room": 3}
    assert known.checked("none", None, now) is None
    for kind, options, code, named in (
        ("room", {"room": "three"}, "INVALID_REQUEST", "fulfilment.options.room"),
        ("room", None, "INVALID_REQUEST", "fulfilment.options.room"),
        ("attic", None, "UNKNOWN_FULFILMENT", "fulfilment.kind"),
        ("event", {"room": 3}, "FULFILMENT_FIELDS", "fulfilment.options"),
        ("time_capsule", {}, "FULFILMENT_FIELDS", "fulfilment.timeOption"),
    ):
        with pytest.raises(PaywonError) as refused:
            known.checked(kind, options, now)
        assert (refused.value.code, refused.value.field) == (code, named)
    assert refused.value.code == "FULFILMENT_FIELDS"
    assert known.kinds == ["none", "event", "room", "time_capsule"]


def test_the_bundled_one_is_a_fulfilment_as_any_other(bookings: Bookings) -> None:
    assert isinstance(CapsuleFulfilment(), Fulfilment)
    assert isinstance(bookings, Fulfilment)
    assert BUNDLED.kinds == ["none", "event", "time_capsule"]
