"""I13: all flows are played with marked cards, accounts and people, and then everything that is kept is searched.

What may be shown is listed here, and nothing else is.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from paywon.base.sealing import KeyRing
from paywon.db.embedded import EmbeddedPostgres
from paywon.payments.model import SEALED_REQUEST
from tests.acceptance.test_billing import BILLING
from tests.conftest import OpenStack
from tests.support.marks import (
    ACCOUNT,
    BUSINESS,
    CARDS,
    CVC,
    EMAIL,
    IDENTITY,
    NAME,
    PEOPLE,
    PHONE,
    Found,
    marked_payment,
    marks_in,
    marks_in_database,
    marks_in_files,
)
from tests.support.stack import SECRET_KEYS, Reply, Stack

SETTINGS = {
    "PAYWON_LOG_LEVEL": "DEBUG",
    "PAYWON_RESOLVE_AFTER_S": "0.5",
    "PAYWON_ANSWER_BUDGET_S": "3",
    "PAYWON_TOSS_READ_TIMEOUT_S": "2",
    "PAYWON_DEPOSIT_HOLD_S": "0",
}
PERSON = {"customerName": NAME, "customerEmail": EMAIL, "customerMobilePhone": PHONE}
REFUND_TO = {"bank": "국민은행", "accountNumber": ACCOUNT, "holderName": NAME}
CUSTOMER = "6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001"

# The host's own document about its customer, as it was sent; ``paywon privacy forget`` empties it.
SHOWN = {Found("payments.customer", mark) for mark in PEOPLE}


@dataclass
class Play:
    """The flows, and all that was answered on the way."""

    stack: Stack
    answered: list[tuple[str, Reply]] = field(default_factory=list)

    async def post(self, path: str, body: Any, **options: Any) -> Reply:
        return self._noted(f"POST {path}", await self.stack.api.post(path, body, **options))

    async def get(self, path: str, **options: Any) -> Reply:
        return self._noted(f"GET {path}", await self.stack.api.get(path, **options))

    def _noted(self, door: str, reply: Reply) -> Reply:
        self.answered.append((door, reply))
        return reply

    async def order(self, amount: int = 12_000) -> dict[str, Any]:
        reply = await self.post("/api/orders", {"orderName": "책", "amount": amount, "userId": "user-7"})
        assert reply.status == 201, reply
        placed: dict[str, Any] = reply.body
        return placed

    async def request(self, method: str, window: str, **choice: Any) -> dict[str, Any]:
        """Seed 1's family of doors: request, pay, confirm; answer the payment."""
        asked = {"userId": "user-7", "amount": 50_000, "paymentMethod": method, "description": "진료", **PERSON}
        requested = await self.post("/payments/request", asked)
        assert requested.status == 201, requested
        payment = requested["payment"]
        await self.stack.authenticate(payment["paymentKey"], method=window, **choice)
        told = {name: payment[name] for name in ("paymentKey", "orderId", "amount")}
        confirmed = await self.post("/payments/confirm", told)
        assert confirmed.status == 200, confirmed
        paid: dict[str, Any] = confirmed["payment"]
        return paid

    async def checkout(self, window: str, **choice: Any) -> dict[str, Any]:
        """Seed 2's family: order, window, confirm; answer the payment."""
        order = await self.order()
        opened = {
            "orderId": order["orderNo"],
            "orderName": "책",
            "amount": 12_000,
            "successUrl": f"{self.stack.api_url}/payments/success",
            "failUrl": f"{self.stack.api_url}/payments/fail",
            **PERSON,
        }
        window_opened = await self.stack.toss.post("/sandbox/checkout", opened)
        assert window_opened.status in (200, 201), window_opened
        key = window_opened["paymentKey"]
        await self.stack.authenticate(key, method=window, **choice)
        told = {"paymentKey": key, "orderId": order["orderNo"], "amount": 12_000}
        confirmed = await self.post("/api/payments/toss/confirm", told)
        assert confirmed.status == 200, confirmed
        paid: dict[str, Any] = confirmed["payment"]
        return paid


@pytest.fixture
async def play(open_stack: OpenStack) -> Play:
    return Play(await open_stack(fresh=True, **SETTINGS))


async def test_no_marked_number_or_person_is_kept_anywhere(play: Play, postgres: EmbeddedPostgres) -> None:
    stack = play.stack
    await _cards_and_wallets(play)
    await _virtual_account(play)
    await _billing(play)
    await _cash_receipts(play)
    await _cancelled_at_toss(play)
    await _webhooks(play)
    await _refused(play)
    await _desk(play)
    await _settled(stack)
    for row in await stack.rows("SELECT id FROM payments"):
        await play.get(f"/payments/{row['id']}/transactions")
        await play.get(f"/payments/{row['id']}/status")

    # All of it went in: Toss was told, and nothing of what is searched for is there because it never came.
    asked = str(await stack.toss_requests("/v1/"))
    assert {NAME, EMAIL, ACCOUNT, IDENTITY} <= marks_in(asked)
    assert await marks_in_database(stack.database_url) == SHOWN
    assert marks_in_files(_logs(stack, postgres)) == set()
    told = {Found(door, mark) for door, reply in play.answered for mark in marks_in(f"{reply.headers} {reply.body}")}
    # Whom a virtual account is for, the payment's owner is shown, and nobody else.
    assert {found.mark for found in told} <= {NAME}
    assert all(re.search(r"/(status|virtual-accounts|cancel|confirm)$|^GET /payments/", found.where) for found in told)


@pytest.mark.breaks_invariants
async def test_the_search_finds_what_stands_there(stack: Stack, tmp_path: Path) -> None:
    """What is found nowhere has to be something that would be found."""
    conn = await asyncpg.connect(stack.database_url)
    try:
        await conn.execute(
            """
            INSERT INTO webhook_events (id, digest, event_type, verdict, status, headers, body, received_at)
            VALUES (gen_random_uuid(), $1, $2, 'refetched', 'processed', '{}', jsonb_build_array($3::text), now())
            """,
            ACCOUNT.encode(),
            f"{CARDS[0][:4]}-{CARDS[0][4:8]}-{CARDS[0][8:12]}-{CARDS[0][12:]}",
            NAME,
        )
    finally:
        await conn.close()
    assert await marks_in_database(stack.database_url) == {
        Found("webhook_events.digest", ACCOUNT),
        Found("webhook_events.event_type", CARDS[0]),
        Found("webhook_events.body", NAME),
    }
    log = tmp_path / "a.log"
    log.write_text('{"event": "\\ub3c5\\uace0\\ud0c1\\ud45c\\uc2dc"}')
    assert marks_in_files([log]) == {Found("a.log", NAME)}


async def test_what_has_to_be_sent_again_is_kept_sealed_and_only_until_it_is_settled(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, **SETTINGS)
    play = Play(stack)
    payment = await play.request("transfer", "TRANSFER")
    await stack.fault(path="/v1/cash-receipts", kind="drop_reply")
    lost = await play.post(
        f"/payments/{payment['id']}/cash-receipts", {"type": "소득공제", "customerIdentityNumber": IDENTITY}
    )
    assert lost.status == 202, lost
    row = await stack.row("SELECT id, sealed_request FROM payment_transactions WHERE status = 'pending'")
    opened = KeyRing.parse(SECRET_KEYS).open(row["sealed_request"], purpose=SEALED_REQUEST.purpose(row["id"]))
    assert IDENTITY in marks_in(opened)
    assert await marks_in_database(stack.database_url) == SHOWN
    await stack.start_worker()
    await _settled(stack)
    assert await stack.rows("SELECT FROM payment_transactions WHERE sealed_request IS NOT NULL") == []


async def _cards_and_wallets(play: Play) -> None:
    agent = {"headers": {"User-Agent": f"shop/1 {CARDS[0]}", "Idempotency-Key": "marked-1"}}
    paid = await play.request("card", "CARD", cardNumber=CARDS[0])
    for _ in range(2):  # kept under its key, and answered again
        refund = {"refundReason": "일부", "refundAmount": 10_000}
        assert (await play.post(f"/payments/{paid['id']}/refund", refund, **agent)).status == 200
    await play.request("transfer", "TRANSFER", cashReceiptType="소득공제", cashReceiptNumber=IDENTITY)
    await play.request("mobile", "MOBILE_PHONE", customerMobilePhone=PHONE)
    for window, choice in (
        ("CARD", {"cardNumber": CARDS[1]}),
        ("EASY_PAY", {"cardNumber": CARDS[2]}),
        ("TRANSFER", {"cashReceiptNumber": IDENTITY}),
        ("MOBILE_PHONE", {"customerMobilePhone": PHONE}),
    ):
        payment = await play.checkout(window, **choice)
        cancelled = await play.post(f"/api/payments/toss/{payment['paymentKey']}/cancel", {"cancelReason": "변심"})
        assert cancelled.status == 200, cancelled


async def _virtual_account(play: Play) -> None:
    order = await play.order()
    wish = {"orderId": order["orderNo"], "bank": "국민은행", **PERSON}
    receipt = {"cashReceipt": {"type": "소득공제", "registrationNumber": IDENTITY}}
    issued = await play.post("/api/payments/toss/virtual-accounts", {**wish, **receipt})
    assert issued.status == 201, issued
    # Its own number is what the customer has to be shown.
    assert issued["payment"]["virtualAccount"]["accountNumber"].startswith("X")
    path = f"/sandbox/virtual-accounts/{order['orderNo']}/deposit"
    assert (await play.stack.toss.post(path, {"depositorName": NAME})).status == 200

    async def paid() -> bool:
        return bool((await play.get(f"/api/orders/{order['id']}"))["status"] == "PAID")

    await play.stack.eventually(paid)
    key = issued["payment"]["paymentKey"]
    refund = {"cancelReason": "변심", "refundReceiveAccount": REFUND_TO}
    assert (await play.post(f"/api/payments/toss/{key}/cancel", refund)).status == 200
    assert "계좌" in issued["payment"]["method"]


async def _billing(play: Play) -> None:
    for how in ({"cardNumber": CARDS[3]}, {"method": "TRANSFER"}):
        auth = await play.stack.toss.post("/sandbox/billing-auth", {"customerKey": CUSTOMER, **how})
        issued = await play.post(f"{BILLING}/issue", {"authKey": auth["authKey"], "customerKey": CUSTOMER})
        assert issued.status == 201, issued
        charge = {"orderId": (await play.order())["orderNo"], "customerName": NAME, "customerEmail": EMAIL}
        charged = await play.post(f"{BILLING}/{issued['billingKey']['id']}", {**charge, "customerIp": "203.0.113.7"})
        assert charged.status == 200, charged


async def _cash_receipts(play: Play) -> None:
    payment = await play.request("transfer", "TRANSFER", cashReceiptType="미발행")
    path = f"/payments/{payment['id']}/cash-receipts"
    for kind, number in (("소득공제", IDENTITY), ("지출증빙", BUSINESS), ("소득공제", CARDS[4])):
        wish = {"type": kind, "customerIdentityNumber": number, "amount": 10_000}
        issued = await play.post(path, wish, headers={"Idempotency-Key": f"receipt-{number[-4:]}"})
        assert issued.status == 201, issued
    cancelled = await play.post(f"{path}/{issued['cashReceipt']['id']}/cancel", {})
    assert cancelled.status == 201, cancelled
    await play.get(path)


async def _cancelled_at_toss(play: Play) -> None:
    """In Toss's dashboard anybody may write anything as the reason, and Toss tells it."""
    payment = await play.checkout("CARD")
    path = f"/v1/payments/{payment['paymentKey']}/cancel"
    assert (await play.stack.toss.post(path, {"cancelReason": f"카드 {CARDS[0]}로 결제한 것"})).status == 200

    async def learned() -> bool:
        return bool((await play.get(f"/api/payments/toss/{payment['paymentKey']}"))["payment"]["status"] == "CANCELED")

    await play.stack.eventually(learned)


async def _webhooks(play: Play) -> None:
    """Anybody may post anything, also with signatures and headers that hold what nobody may keep."""
    payment = await play.checkout("CARD")
    told = marked_payment(payment["orderNo"], payment["paymentKey"])
    headers = {
        "tosspayments-webhook-transmission-id": CARDS[0],
        "tosspayments-webhook-transmission-time": CARDS[1],
        "User-Agent": f"toss {CARDS[2]}",
        "X-Forwarded-For": CARDS[3],
    }
    for body in (
        {"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-11-22T00:00:00.000", "data": told},
        {"eventType": "PAYMENT_STATUS_CHANGED", "data": {"paymentKey": CARDS[0], "orderId": CARDS[1]}},
        {"eventType": f"UNKNOWN {CARDS[2]}", "entityBody": told, "cvc": [CVC]},
        {"eventType": "CANCEL_STATUS_CHANGED", "data": {"transactionKey": CARDS[3], "cancelReason": CARDS[4]}},
        {"secret": CVC, "transactionKey": CARDS[4], "orderId": payment["orderNo"], "status": "DONE"},
        {"eventType": "BILLING_DELETED", "data": {"billingKey": CARDS[0], "reason": f"card {CARDS[1]}"}},
        {"eventType": "seller.changed", "entityBody": {"account": {"accountNumber": ACCOUNT, "holderName": NAME}}},
    ):
        reply = await play.post("/payments/webhook", body, headers=headers)
        assert reply.status in (200, 401), reply


async def _refused(play: Play) -> None:
    """What is refused is kept nowhere either, also under an Idempotency-Key."""
    wish = {"orderName": "책", "amount": 9_000, "userId": "user-7"}
    key = {"headers": {"Idempotency-Key": "marked-2"}}
    for wrong, named in (
        ({"cardNumber": CARDS[0]}, "cardNumber"),
        ({"metadata": {"CARD-Expiration_Year": CVC}}, "metadata.CARD-Expiration_Year"),
        ({"metadata": {"memo": f"카드: {CARDS[1]}"}}, "metadata.memo"),
        ({"metadata": {CARDS[2]: "x"}}, "metadata.[redacted]"),
        ({"orderName": f"책 {CARDS[3]}"}, "orderName"),
    ):
        reply = await play.post("/api/orders", {**wish, **wrong}, **key)
        assert (reply.status, reply["code"], reply["field"]) == (400, "CARD_DATA_REFUSED", named)
    account = await play.post("/api/orders", {**wish, "metadata": {"account_number": ACCOUNT}})
    assert (account.status, account["code"]) == (400, "ACCOUNT_NUMBER_REFUSED")
    for path in (f"/payments?status={CARDS[0]}", f"/payments?{CARDS[1]}=1", f"/payments/{CARDS[2]}"):
        assert (await play.get(path)).status in (400, 404)
    assert (await play.get(f"/api/payments/toss/{CARDS[3]}")).status == 404


async def _desk(play: Play) -> None:
    """A question in doubt is shown, and decided about by people who are told to leave numbers out."""
    payment = await play.request("transfer", "TRANSFER")
    await play.stack.fault(path=f"/v1/payments/{payment['paymentKey']}/cancel", kind="status", status=500, times=50)
    lost = await play.post(f"/payments/{payment['id']}/refund", {"refundReason": "고객 요청"})
    assert lost.status == 202, lost
    row = await play.stack.row(
        "SELECT id FROM payment_transactions WHERE type = 'refund_request' AND status = 'pending'"
    )

    async def tried() -> bool:
        again = await play.stack.row("SELECT retry_count FROM payment_transactions WHERE id = $1", row["id"])
        return bool(again["retry_count"])

    await play.stack.eventually(tried)
    path = f"/api/ops/doubtful/questions/{row['id']}/reread"
    decided = {"operator": "김담당", "reason": f"카드 {CARDS[0]} 확인"}
    assert (await play.post(path, decided))["code"] == "CARD_DATA_REFUSED"
    await play.get("/api/ops/doubtful")
    await play.stack.toss.send("DELETE", "/sandbox/faults")
    await play.post(path, {**decided, "reason": "확인"})


async def _settled(stack: Stack) -> None:
    async def closed() -> bool:
        return not await stack.rows("SELECT FROM payment_transactions WHERE status = 'pending'")

    await stack.eventually(closed, within_s=60)


def _logs(stack: Stack, postgres: EmbeddedPostgres) -> list[Path]:
    """What API, worker and PostgreSQL wrote; the sandbox is Toss, who has to know."""
    logs = [*stack.folder.glob("*.log"), postgres.folder / "log"]
    assert len(logs) == 3 and all(file.stat().st_size for file in logs), [
        (file.name, file.stat().st_size) for file in logs
    ]
    return logs
