"""Whatever is odd in a body of Toss's is learned into PostgreSQL without an error, with the money right."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from paywon.base.clock import SystemClock
from paywon.base.ids import UserId
from paywon.base.money import Krw
from paywon.db.pool import Database
from paywon.orders.commands import OrderWish, add_order
from paywon.payments import store
from paywon.payments.commands.learning import Evidence, learn
from paywon.payments.model import Verdict
from paywon.toss.body import parse_tree, read
from paywon.toss.wire import Payment
from tests.unit.toss.test_toss_tolerance import MONEY

FIXTURES = Path(__file__).parents[1] / "fixtures" / "toss"
ODD: list[Any] = [
    None,
    True,
    7,
    -1,
    2**40,
    7.5,
    "이상한 글",
    "a\x00b",
    "x" * 3000,
    [],
    ["\x00"],
    {"\x00": "\x00"},
    10**30,
]
ODD_BELOW: list[Any] = [7, 2**40, "a\x00b", ["\x00"]]
NEEDED = {"paymentKey", "orderId", "status", "currency", "totalAmount", "balanceAmount"}


def _odd_bodies(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Put every odd value into every field that is not needed, and below them one level deep."""
    bodies = []
    for name, value in body.items():
        if name in NEEDED:
            continue
        bodies += [body | {name: odd} for odd in ODD]
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, dict):
            changed = [inner | {below: odd} for below in inner for odd in ODD_BELOW]
            bodies += [body | {name: [each, *value[1:]] if isinstance(value, list) else each} for each in changed]
    return bodies


@pytest.mark.parametrize(
    "name",
    [
        "payment-card-done",
        "payment-virtual-account-done",
        "payment-card-partial-canceled-twice",
    ],
)
async def test_what_is_odd_is_learned_and_stored(db: Database, name: str) -> None:
    now = SystemClock().now()
    body = json.loads((FIXTURES / f"{name}.json").read_bytes())
    wish = OrderWish(user_id=UserId("u-1"), order_name="책", amount=Krw(body["totalAmount"]))
    async with db.transaction() as conn:
        order = await add_order(conn, wish, now=now, time_to_pay=timedelta(minutes=30))
        for odd in _odd_bodies(body | {"orderId": order.order_no}):
            raw = json.dumps(odd).encode()
            tree = parse_tree(raw)
            assert isinstance(tree, dict)
            one = conn.transaction()
            await one.start()
            shown = Evidence(answer=read(raw, Payment).value, raw=tree, asked_at=now)
            learned = await learn(conn, shown, now=now, deposit_hold=timedelta(0))
            assert learned.verdict is Verdict.APPLY, odd
            payment = learned.payment
            assert payment is not None
            assert (payment.status, payment.balance_amount) == (odd["status"], odd["balanceAmount"])
            gone = sum(cancel.cancel_amount for cancel in await store.cancels_of(conn, payment.id))
            assert gone <= payment.total_amount - odd["balanceAmount"], odd
            await one.rollback()


def test_the_money_is_what_the_books_need() -> None:
    assert len(MONEY) == len(NEEDED)
