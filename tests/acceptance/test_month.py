"""A month of virtual accounts and of monthly billing, in seconds: the clocks of Toss and of paywon move together.

What each order must have come to is worked out beside it, from nothing but what the customers and banks did.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.conftest import FreshDatabase, Sandbox
from tests.support.invariants import assert_invariants
from tests.support.month import DAY_S, Shop, open_shop

DAYS = 33
KINDS = ("paid", "taken back", "paid again", "forgotten", "refunded", "part")
AMOUNT, PART = 30_000, 10_000
REFUND_TO = {"bank": "KOOKMIN", "accountNumber": "12345678901", "holderName": "박토스"}
CAPSULE = {"kind": "time_capsule", "timeOption": "1_YEAR", "headcount": 2, "title": "한 달"}
BILLING = "/api/payments/toss/billing"


@dataclass
class Sale:
    """One order: what has happened to it, and what it must be by then."""

    order: dict[str, Any]
    kind: str
    born_on: int
    payment_key: str = ""
    status: str = "PENDING_PAYMENT"
    fulfilment: str = "WAITING"
    held: int = 0

    def became(self, status: str, fulfilment: str, held: int) -> None:
        self.status, self.fulfilment, self.held = status, fulfilment, held


@dataclass
class Month:
    """Plays the customers, their banks and the shop's own timetable."""

    shop: Shop
    sales: list[Sale] = field(default_factory=list)

    async def day(self, number: int) -> None:
        if number < DAYS - 8:  # the last ones have to have fallen due by the end
            self.sales.append(await self._issue(KINDS[number % len(KINDS)], number))
        for sale in self.sales:
            await self._next(sale, number - sale.born_on)
        await self.shop.pass_time(DAY_S)
        for sale in self.sales:
            await self._see(sale)

    async def _issue(self, kind: str, number: int) -> Sale:
        order = (
            await self.shop.ask(
                "/api/orders", {"orderName": "캡슐", "amount": AMOUNT, "userId": "u", "fulfilment": CAPSULE}
            )
        ).body
        account = {"orderId": order["orderNo"], "bank": "국민은행", "customerName": "박토스"}
        issued = await self.shop.ask("/api/payments/toss/virtual-accounts", account)
        return Sale(order, kind, number, issued["payment"]["paymentKey"])

    async def _next(self, sale: Sale, age: int) -> None:
        """What happens to a sale of this kind on this day of its life."""
        if age == 1 and sale.kind != "forgotten":
            await self._bank(sale, "deposit")
            if sale.kind == "taken back":  # while it is held
                await self.shop.pass_time(30)
                await self._bank(sale, "reverse")
                await self.shop.pass_time(60)
                sale.became("PENDING_PAYMENT", "REVERSED", 0)
            else:
                await self.shop.pass_time(200)
                sale.became("PAID", "FULFILLED", AMOUNT)
            await self._see(sale)
        if age == 2 and sale.kind == "paid again":
            await self._bank(sale, "reverse")
            await self.shop.pass_time(60)
            sale.became("PENDING_PAYMENT", "REVERSED", 0)
            await self._see(sale)
            await self._bank(sale, "deposit")
            sale.became("PAID", "FULFILLED", AMOUNT)
        if age == 2 and sale.kind == "refunded":
            await self._refund(sale, None)
            sale.became("REFUNDED", "REVERSED", 0)
        if age == 3 and sale.kind == "part":
            await self._refund(sale, PART)
            sale.became("PARTIALLY_REFUNDED", "FULFILLED", AMOUNT - PART)
        if age == 6 and sale.kind in ("forgotten", "taken back"):  # its account falls due before the day is over
            sale.became("EXPIRED", "REVERSED" if sale.kind == "taken back" else "WAITING", 0)

    async def _bank(self, sale: Sale, what: str) -> None:
        await self.shop.steer(f"virtual-accounts/{sale.order['orderNo']}/{what}")
        await self.shop.rest()

    async def _refund(self, sale: Sale, amount: int | None) -> None:
        body = {"cancelReason": "변심", "refundReceiveAccount": REFUND_TO}
        part = {} if amount is None else {"cancelAmount": amount}
        done = await self.shop.ask(f"/api/payments/toss/{sale.payment_key}/cancel", body | part)
        assert done["payment"]["virtualAccount"]["refundStatus"] == "PENDING"

    async def _see(self, sale: Sale) -> None:
        shown = (await self.shop.api.get(f"/api/orders/{sale.order['id']}")).body
        seen = (shown["status"], shown["fulfilment"]["status"])
        assert seen == (sale.status, sale.fulfilment), (sale.kind, sale.born_on, shown)


async def _books_agree(shop: Shop, expected_won: int) -> None:
    """Our balances, Toss's balances and the sum of Toss's transactions are one number."""
    ours = await shop.rows("SELECT coalesce(sum(balance_amount), 0) AS won FROM payments WHERE approved_at IS NOT NULL")
    ever = "startDate=2020-01-01T00:00:00&endDate=2099-12-31T00:00:00&limit=5000"
    moved = (await shop.toss.get(f"/v1/transactions?{ever}")).body
    assert (int(ours[0]["won"]), sum(row["amount"] for row in moved)) == (expected_won, expected_won)


@pytest.mark.timeout(240)
async def test_a_month_of_virtual_accounts(database: FreshDatabase, sandbox: Sandbox) -> None:
    async with open_shop(database.url, sandbox.url) as shop:
        month = Month(shop)
        for number in range(DAYS):
            await month.day(number)
        await _books_agree(shop, sum(sale.held for sale in month.sales))
        refunds = await shop.rows("SELECT DISTINCT virtual_account->>'refundStatus' AS s FROM payments")
        assert {row["s"] for row in refunds} == {"NONE", "COMPLETED"}, "every refund was followed to its end"
        await assert_invariants(database.url)


@pytest.mark.timeout(240)
async def test_a_month_of_billing(database: FreshDatabase, sandbox: Sandbox) -> None:
    async with open_shop(database.url, sandbox.url) as shop:
        keys = [await _subscribe(shop, f"customer-{number}") for number in range(4)]
        held = 0
        for month in ("2026-11", "2026-12"):
            for number, key in enumerate(keys):
                declined = number == 2 and month == "2026-12"
                held += await _charge(shop, key, month, declined=declined)
            for day in range(31):
                if (month, day) == ("2026-11", 15):
                    gone = keys.pop()
                    await shop.api.send("DELETE", f"{BILLING}/{gone}")
                    order = await _subscription(shop)
                    refused = await shop.ask(f"{BILLING}/{gone}", {"orderId": order["orderNo"]}, expect=409)
                    assert refused["code"] == "BILLING_KEY_DELETED"
                await shop.pass_time(DAY_S)
        await _books_agree(shop, held)
        assert held == 7 * 9_900
        await assert_invariants(database.url)


async def _subscribe(shop: Shop, customer: str) -> str:
    window = await shop.steer("billing-auth", {"customerKey": customer})
    issued = await shop.ask(f"{BILLING}/issue", {"authKey": window["authKey"], "customerKey": customer})
    found: str = issued["billingKey"]["id"]
    return found


async def _subscription(shop: Shop) -> dict[str, Any]:
    body = {"orderName": "정기 구독", "amount": 9_900, "userId": "u"}
    order: dict[str, Any] = (await shop.ask("/api/orders", body)).body
    return order


async def _charge(shop: Shop, key: str, period: str, *, declined: bool) -> int:
    """Charge a month; a card that is declined is charged again the next day. Answer the won that came of it."""
    order = await _subscription(shop)
    body = {"orderId": order["orderNo"], "billingPeriod": period}
    if declined:
        fault = {"path": "/v1/billing/", "kind": "status", "status": 403, "code": "REJECT_CARD_PAYMENT", "times": 1}
        await shop.steer("faults", fault)
        assert (await shop.ask(f"{BILLING}/{key}", body, expect=402))["code"] == "PAYMENT_DECLINED"
        order = await _subscription(shop)
        body["orderId"] = order["orderNo"]
    paid = await shop.ask(f"{BILLING}/{key}", body)
    assert (paid["payment"]["status"], paid["order"]["status"]) == ("DONE", "PAID")
    twice = await _subscription(shop)
    again = await shop.ask(f"{BILLING}/{key}", {**body, "orderId": twice["orderNo"]}, expect=409)
    assert again["code"] == "BILLING_PERIOD_CHARGED"
    amount: int = order["amount"]
    return amount
