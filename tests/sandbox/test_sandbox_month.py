"""A month of virtual accounts and of daily billing on the sandbox's clock, and what must hold at its end."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

from tests.sandbox.client import Toss, new_order_id
from tests.sandbox.makers import CUSTOMER, REFUND_ACCOUNT, issue_billing

DAY = 86_400
EVER = "startDate=2020-01-01&endDate=2099-01-01"


async def _account(toss: Toss, day: int) -> str:
    """Issued every day: most are paid into, some reversed, refunded, cancelled or forgotten."""
    order = {"orderId": new_order_id(), "orderName": "셔츠", "customerName": "박토스", "bank": "20", "validHours": 48}
    receipt = {"type": "소득공제", "registrationNumber": "01012341234"}
    payment = await toss.ok("/v1/virtual-accounts", order | {"amount": 10000 + day * 37, "cashReceipt": receipt})
    path = f"/sandbox/virtual-accounts/{payment['orderId']}"
    if day % 5 == 4:
        return str(payment["paymentKey"])
    await toss.ok(f"{path}/deposit")
    if day % 5 == 1:
        await toss.ok(f"{path}/reverse")
    if day % 5 >= 2:
        amount = 3000 + day if day % 5 == 2 else None
        answer = await toss.cancel(payment["paymentKey"], cancelAmount=amount, refundReceiveAccount=REFUND_ACCOUNT)
        assert answer.status == 200
    return str(payment["paymentKey"])


async def _charge(toss: Toss, key: str) -> str:
    order = {"customerKey": CUSTOMER, "amount": 4900, "orderId": new_order_id(), "orderName": "토스 프라임 구독"}
    return str((await toss.ok(f"/v1/billing/{key}", order))["paymentKey"])


async def _rows(toss: Toss, path: str) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = defaultdict(list)
    for row in (await toss.get(path)).json:
        rows[row["paymentKey"]].append(row)
    return rows


def _holds(payment: Any, transactions: list[Any], settlements: list[Any]) -> None:
    deposited = payment["approvedAt"] is not None
    held = payment["balanceAmount"] if deposited else 0
    assert sum(row["amount"] for row in transactions) == held
    assert sum(row["amount"] for row in settlements) == held
    assert transactions[-1]["transactionKey"] == payment["lastTransactionKey"]
    canceled = sum(cancel["cancelAmount"] for cancel in payment["cancels"] or [])
    assert payment["balanceAmount"] == payment["totalAmount"] - canceled
    assert payment["suppliedAmount"] + payment["vat"] + payment["taxFreeAmount"] == payment["balanceAmount"]
    account = payment["virtualAccount"]
    if account is None:
        return
    receipts = payment["cashReceipts"] or []
    issued = sum(row["amount"] * (1 if row["transactionType"] == "CONFIRM" else -1) for row in receipts)
    assert issued == held
    assert {row["issueStatus"] for row in receipts} <= {"COMPLETED"}
    assert account["expired"] == (payment["status"] == "WAITING_FOR_DEPOSIT")
    assert account["refundStatus"] == ("COMPLETED" if deposited and payment["cancels"] else "NONE")


async def test_a_month(toss: Toss) -> None:
    started = time.monotonic()
    key = (await issue_billing(toss))["billingKey"]
    made = []
    for day in range(30):
        made += [await _account(toss, day), await _charge(toss, key)]
        await toss.advance(DAY)
    await toss.advance(8 * DAY)
    transactions = await _rows(toss, f"/v1/transactions?{EVER}&limit=5000")
    settlements = await _rows(toss, f"/v1/settlements?{EVER}&size=5000")
    for payment_key in made:
        _holds(await toss.payment(payment_key), transactions[payment_key], settlements[payment_key])
    assert time.monotonic() - started < 30
