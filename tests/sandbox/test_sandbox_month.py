"""A busy shop's month on the sandbox's clock: every method, every kind of refund; at its end the books add up.

The test keeps its own books: what each payment must hold in the end, from nothing but what was asked for.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.sandbox.client import Toss, new_order_id
from tests.sandbox.makers import CUSTOMER, REFUND_ACCOUNT, issue_billing
from tests.sandbox.process import SandboxProcess

DAY = 86_400
DAYS = 31
ORDERS_A_DAY = 40
EVER = "startDate=2020-01-01&endDate=2099-01-01"
CARD = {"cardNumber": "4330123412341234", "cardExpirationYear": "49", "cardExpirationMonth": "07"}
CARD |= {"customerIdentityNumber": "881212"}
WINDOWS: list[dict[str, Any]] = [
    {"method": "CARD"},
    {"method": "CARD", "installmentPlanMonths": 3},
    {"method": "CARD", "discountAmount": 1000},
    {"method": "EASY_PAY"},
    {"method": "EASY_PAY", "pointsAmount": 3000},
    {"method": "EASY_PAY", "easyPayFunding": "account"},
    {"method": "TRANSFER", "cashReceiptType": "소득공제"},
    {"method": "TRANSFER"},
    {"method": "MOBILE_PHONE"},
    {"method": "CULTURE_GIFT_CERTIFICATE"},
]
KINDS = ("window", "window", "window", "account", "account", "key_in", "billing", "dollars", "declined", "abandoned")
CENTS = 100


@dataclass
class Sale:
    """One order, and what the merchant must hold of it, in KRW or cents."""

    payment_key: str
    order_id: str
    amount: int
    held: int = 0
    rows: int = 0
    method: str = ""
    dollars: bool = False
    refund_later: bool = False
    refunds: list[int] = field(default_factory=list)


class Shop:
    """Sells, refunds, and writes down what must come of it."""

    def __init__(self, toss: Toss, billing_key: str) -> None:
        self.toss = toss
        self.billing_key = billing_key
        self.chance = random.Random(20_260_301)  # noqa: S311
        self.sales: list[Sale] = []

    async def day(self) -> None:
        """Today's orders, eight customers at a time; then the refunds that yesterday's customers ask for."""
        yesterday = [sale for sale in self.sales if sale.refund_later]
        turns = asyncio.Semaphore(8)

        async def in_turn(work: Any) -> None:
            async with turns:
                await work

        orders = [self._order(KINDS[number % len(KINDS)]) for number in range(ORDERS_A_DAY)]
        await asyncio.gather(*(in_turn(work) for work in [*orders, *map(self._refund, yesterday)]))
        for sale in yesterday:
            sale.refund_later = False

    async def _order(self, kind: str) -> None:
        amount = self.chance.randrange(50_000, 200_000)
        sale: Sale | None = await getattr(self, f"_{kind}")(amount)
        if sale is None:
            return
        self.sales.append(sale)
        if sale.held:
            sale.refund_later = self.chance.random() < 0.2 and sale.method != "MOBILE_PHONE"
            if not sale.refund_later and self.chance.random() < 0.2:
                await self._refund(sale)

    async def _window(self, amount: int) -> Sale:
        choice = self.chance.choice(WINDOWS)
        key, order_id = await self.toss.authenticated(amount, **choice)
        assert (await self.toss.confirm(key, order_id, amount)).status == 200
        return Sale(key, order_id, amount, held=amount, rows=1, method=str(choice["method"]))

    async def _key_in(self, amount: int) -> Sale:
        order = {"orderId": new_order_id(), "orderName": "전화 주문", "amount": amount}
        payment = await self.toss.ok("/v1/payments/key-in", order | CARD)
        return Sale(payment["paymentKey"], payment["orderId"], amount, held=amount, rows=1, method="CARD")

    async def _billing(self, amount: int) -> Sale:
        order = {"customerKey": CUSTOMER, "orderId": new_order_id(), "orderName": "구독", "amount": amount}
        payment = await self.toss.ok(f"/v1/billing/{self.billing_key}", order)
        return Sale(payment["paymentKey"], payment["orderId"], amount, held=amount, rows=1, method="CARD")

    async def _dollars(self, amount: int) -> Sale:
        key, order_id = await self.toss.opened(amount=amount / CENTS, currency="USD")  # type: ignore[arg-type]
        await self.toss.authenticate(key)
        assert (await self.toss.confirm(key, order_id, amount / CENTS)).status == 200
        return Sale(key, order_id, amount, held=amount, rows=1, method="FOREIGN_EASY_PAY", dollars=True)

    async def _declined(self, amount: int) -> Sale:
        key, order_id = await self.toss.authenticated(amount, declineAtConfirm="REJECT_CARD_PAYMENT")
        assert (await self.toss.confirm(key, order_id, amount)).status == 403
        return Sale(key, order_id, amount)

    async def _abandoned(self, amount: int) -> Sale:
        return Sale(*await self.toss.opened(amount), amount)

    async def _account(self, amount: int) -> Sale:
        """Issued for a day: paid, never paid, taken back by the bank, taken back and paid again."""
        order = {
            "orderId": new_order_id(),
            "orderName": "셔츠",
            "customerName": "박토스",
            "bank": "20",
            "amount": amount,
        }
        receipt = {"type": "소득공제", "registrationNumber": "01012341234"}
        payment = await self.toss.ok("/v1/virtual-accounts", order | {"validHours": 24, "cashReceipt": receipt})
        sale = Sale(payment["paymentKey"], payment["orderId"], amount, rows=1, method="VIRTUAL_ACCOUNT")
        fate = self.chance.choice(((), ("deposit",), ("deposit", "reverse"), ("deposit", "reverse", "deposit")))
        for action in fate:
            await self.toss.ok(f"/sandbox/virtual-accounts/{sale.order_id}/{action}")
            sale.held = amount if action == "deposit" else 0
        sale.rows += len(fate)
        return sale

    async def _refund(self, sale: Sale) -> None:
        """All at once, a part, or in parts until nothing is left."""
        parts = self.chance.choice(((None,), (3000,), (2999, 1001, None)))
        if sale.method == "CULTURE_GIFT_CERTIFICATE":
            parts = (None,)
        for part in parts:
            amount = sale.held if part is None else part
            asked: dict[str, object] = {"cancelAmount": amount / CENTS if sale.dollars else amount}
            if sale.method == "VIRTUAL_ACCOUNT":
                asked["refundReceiveAccount"] = REFUND_ACCOUNT
            answer = await self.toss.cancel(sale.payment_key, **asked)
            assert answer.status == 200, answer.raw.decode()
            sale.held -= amount
            sale.rows += 1
            sale.refunds.append(amount)


async def every_transaction(toss: Toss) -> list[Any]:
    """All pages, by startingAfter."""
    rows: list[Any] = []
    while True:
        after = f"&startingAfter={rows[-1]['transactionKey']}" if rows else ""
        page = (await toss.get(f"/v1/transactions?{EVER}&limit=700{after}")).json
        rows += page
        if len(page) < 700:
            return rows


async def every_settlement(toss: Toss) -> list[Any]:
    """All pages, by number."""
    rows: list[Any] = []
    while True:
        page = (await toss.get(f"/v1/settlements?{EVER}&size=700&page={len(rows) // 700 + 1}")).json
        rows += page
        if len(page) < 700:
            return rows


def by_payment(rows: list[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row["paymentKey"]].append(row)
    return found


def cents(amount: float) -> int:
    return round(amount * CENTS)


def check_payment(sale: Sale, payment: Any, rows: list[Any], settled: list[Any]) -> None:
    whole = cents if sale.dollars else int
    canceled = sum(whole(entry["cancelAmount"]) for entry in payment["cancels"] or [])
    assert canceled == sum(sale.refunds)
    assert whole(payment["balanceAmount"]) == sale.amount - canceled
    assert whole(payment["suppliedAmount"]) + whole(payment["vat"]) == whole(payment["balanceAmount"])
    assert (len(rows), sum(whole(row["amount"]) for row in rows)) == (sale.rows, sale.held)
    assert sum(row["amount"] for row in settled) == (0 if sale.dollars else sale.held)
    if not sale.held:
        assert sum(row["fee"] for row in settled) == sum(row["payOutAmount"] for row in settled) == 0
    account = payment["virtualAccount"]
    if account is not None:
        check_account(sale, payment, account)


def check_account(sale: Sale, payment: Any, account: Any) -> None:
    receipts = payment["cashReceipts"] or []
    issued = sum(row["amount"] * (1 if row["transactionType"] == "CONFIRM" else -1) for row in receipts)
    assert issued == sale.held
    assert {row["issueStatus"] for row in receipts} <= {"COMPLETED"}
    assert account["expired"] == (payment["status"] == "WAITING_FOR_DEPOSIT")
    assert account["refundStatus"] == ("COMPLETED" if sale.refunds else "NONE")
    assert account["settlementStatus"] == ("COMPLETED" if sale.held else "INCOMPLETED") or sale.refunds


def check_settlement(row: Any) -> None:
    assert row["fee"] == row["supplyAmount"] + row["vat"] == sum(part["fee"] for part in row["fees"])
    assert row["payOutAmount"] == row["amount"] - row["fee"]
    assert row["soldDate"] < row["paidOutDate"]


async def test_the_books_of_a_month_add_up(sandbox: SandboxProcess) -> None:
    started = time.monotonic()
    async with Toss(sandbox.base_url, f"test_sk_{secrets.token_hex(12)}", keep_alive=True) as toss:
        shop = Shop(toss, (await issue_billing(toss))["billingKey"])
        for _ in range(DAYS):
            await shop.day()
            await toss.advance(DAY)
        await toss.advance(8 * DAY)
        rows, settled = await every_transaction(toss), await every_settlement(toss)
        for row in settled:
            check_settlement(row)
        transactions, settlements = by_payment(rows), by_payment(settled)
        for sale in shop.sales:
            payment = await toss.payment(sale.payment_key)
            check_payment(sale, payment, transactions[sale.payment_key], settlements[sale.payment_key])
    won, dollars = (sum(sale.held for sale in shop.sales if sale.dollars is foreign) for foreign in (False, True))
    assert sum(row["amount"] for row in rows if row["currency"] == "KRW") == won
    assert sum(cents(row["amount"]) for row in rows if row["currency"] == "USD") == dollars
    assert sum(row["amount"] for row in settled) == won
    assert len(rows) == sum(sale.rows for sale in shop.sales)
    assert sum(row["payOutAmount"] + row["fee"] for row in settled) == won
    seconds = time.monotonic() - started
    print(f"{len(shop.sales)} orders, {len(rows)} transactions, {len(settled)} settlements, {seconds:.0f} s")  # noqa: T201
    assert len(shop.sales) == DAYS * ORDERS_A_DAY
    assert seconds < 100
