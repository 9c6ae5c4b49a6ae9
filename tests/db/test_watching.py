"""Looks of our own accord, with a scripted server in Toss's place: much may happen before it answers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from aiohttp import web

from paywon.db.pool import Database
from paywon.orders.model import Order
from paywon.payments.commands.watching import look_at_due
from paywon.payments.model import LOOK_AGAIN, AttemptType
from tests.support.books import HOLD, Books, key_of, open_books
from tests.support.evidence import evidence
from tests.toss.loopback import client_for, error, loopback

WAITING, DEPOSITED = "payment-virtual-account-waiting", "payment-virtual-account-done"
Step = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def books(db: Database) -> AsyncIterator[Books]:
    async with open_books(db) as books:
        yield books


async def awaited(books: Books) -> Order:
    """An order that awaits its deposit."""
    order = await books.order(capsule=True)
    asked = await books.ask(AttemptType.VIRTUAL_ACCOUNT_ISSUE, order)
    await books.answer(asked, WAITING)
    return order


def shown(books: Books, order: Order, fixture: str) -> web.Response:
    raw = evidence(fixture, asked_at=books.clock.now()).raw
    fitting: dict[str, Any] = {"orderId": order.order_no, "paymentKey": key_of(order), "totalAmount": order.amount}
    body = msgspec.json.encode({**raw, **fitting, "balanceAmount": order.amount})
    return web.Response(body=body, content_type="application/json")


async def look(books: Books, step: Step) -> datetime:
    """Look at what is due within an hour; answer when it is looked at again."""
    books.clock.at += timedelta(hours=1, seconds=1)
    async with loopback(step) as toss, client_for(toss.url) as client:
        assert await look_at_due(replace(books.cashier, toss=client)) == 1
    found: datetime = (await books.row("SELECT look_again_at FROM payments"))["look_again_at"]
    return found


async def test_a_step_back_that_a_planned_look_takes_for_old_news_is_looked_at_again_soon(books: Books) -> None:
    """The host that read Toss last is ahead. The wish outlives the look's own lease, however short that is."""
    order = await awaited(books)
    await books.read(order, DEPOSITED)
    await books.damage("UPDATE payments SET fact_asked_at = fact_asked_at + interval '3 hours'")

    async def reversed_since(_request: web.Request) -> web.StreamResponse:
        return shown(books, order, WAITING)

    books.cashier = replace(books.cashier, lease=LOOK_AGAIN / 3)
    assert await look(books, reversed_since) == books.clock.at + LOOK_AGAIN


async def test_a_step_back_that_comes_too_late_changes_nothing_but_is_looked_at_again_soon(books: Books) -> None:
    order = await awaited(books)

    async def overtaken(_request: web.Request) -> web.StreamResponse:
        old = shown(books, order, WAITING)
        await books.read(order, DEPOSITED)  # a webhook has it read, and that answer is there first
        return old

    assert await look(books, overtaken) == books.clock.at + LOOK_AGAIN < books.clock.at + HOLD
    assert (await books.row("SELECT status FROM payments"))["status"] == "DONE"


@pytest.mark.parametrize(
    ("step", "then"),
    [
        (error(404, "NOT_FOUND_PAYMENT"), timedelta(hours=1)),
        (error(403, "FORBIDDEN_CONSECUTIVE_REQUEST"), timedelta(minutes=1)),
        (error(500, "FAILED_INTERNAL_SYSTEM_PROCESSING"), timedelta(minutes=1)),
    ],
)
async def test_what_toss_does_not_show_is_not_asked_for_again_at_once(
    books: Books, step: Step, then: timedelta
) -> None:
    await awaited(books)
    assert await look(books, step) == books.clock.at + then
