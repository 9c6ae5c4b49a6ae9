"""The moves that the chapters of the story are made of: pay, confirm, refund, wait for the webhook."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from paywon.demo.errand import DemoTrouble, Errands, Reply, ReplyLost
from paywon.demo.telling import Teller

SETTLE_S: Final = 40.0
_RESEND_AFTER_S: Final = 4.0
_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Whom the story calls and to whom it is told. ``ticket`` makes this run's names its own."""

    api: Errands
    sandbox: Errands
    teller: Teller
    demo_url: str
    ticket: str

    async def authenticate(self, payment_key: str, **choice: Any) -> Reply:
        """Play the customer at Toss's window."""
        path = f"/sandbox/payments/{payment_key}/authenticate"
        reply = await self.sandbox.post(path, {"outcome": "approve", **choice})
        # A repeat after a lost reply finds the window used, which is what was wanted.
        if not reply.is_fine and reply.body.get("code") != "ALREADY_PROCESSED_PAYMENT":
            raise unexpected(reply)
        return reply

    async def trail(self, payment_id: str) -> list[dict[str, Any]]:
        """Read a payment's audit trail."""
        reply = expect(await self.api.get(f"/payments/{payment_id}/transactions"), 200)
        rows: list[dict[str, Any]] = reply["transactions"]
        return rows

    async def settled(self, payment_id: str) -> dict[str, Any]:
        """Wait until no question about a payment is open, and answer the payment.

        Raises:
            DemoTrouble: it took longer than ``SETTLE_S``.
        """
        deadline = time.monotonic() + SETTLE_S
        while any(_moves_money(row) and row["status"] == "pending" for row in await self.trail(payment_id)):
            if time.monotonic() > deadline:
                raise DemoTrouble(
                    "토스의 답이 아직 없습니다. 미확인 결제 해결기가 계속 확인합니다",
                    "Toss has not answered yet; the resolver keeps at it",
                )
            self.teller.waiting("202")
            await asyncio.sleep(_POLL_S * 3)
        payment: dict[str, Any] = expect(await self.api.get(f"/payments/{payment_id}"), 200).body
        return payment

    async def request_payment(self, body: dict[str, Any]) -> tuple[Reply, dict[str, Any]]:
        """Request a payment; after a lost reply the one that is open for the resource is taken up."""
        reply = await self.api.post("/payments/request", body)
        if reply.status == 409 and reply.body.get("paymentId"):
            payment_id = reply["paymentId"]
        else:
            payment_id = expect(reply, 201, 202)["payment"]["id"]
        deadline = time.monotonic() + SETTLE_S
        while not (payment := expect(await self.api.get(f"/payments/{payment_id}"), 200).body)["paymentKey"]:
            if time.monotonic() > deadline or payment["status"] == "failed":
                raise DemoTrouble("토스 결제창이 열리지 않았습니다", "Toss did not open a payment window")
            self.teller.waiting("202")
            await asyncio.sleep(_POLL_S * 3)
        return reply, payment

    async def refund(
        self, payment_id: str, path: str, body: dict[str, Any], *, refunded_krw: int
    ) -> tuple[Reply | None, dict[str, Any]]:
        """Refund until ``refunded_krw`` won have gone back in all; never twice.

        A lost reply is not simply repeated: first comes a look at what happened. Answers the reply, None where
        it was lost, and the payment.
        """
        deadline = time.monotonic() + SETTLE_S
        while True:
            reply: Reply | None = None
            try:
                reply = await self.api.post(path, body, repeat_lost=False)
            except ReplyLost as lost:
                self.teller.waiting(str(lost))
            if reply is not None and reply.status not in (200, 202, 409, 503):
                raise unexpected(reply)
            payment = await self.settled(payment_id)
            if payment["refundedAmount"] >= refunded_krw:
                return reply, payment
            if reply is not None and (reply.is_fine or time.monotonic() > deadline):
                raise unexpected(reply)
            await asyncio.sleep(_POLL_S * 3)

    async def webhook_came(self, order_no: str) -> dict[str, Any]:
        """Wait until a webhook of an order's approval was taken in; return what it said of the payment.

        A delivery that met a stopped process would come again in a minute; the story asks for it sooner.
        """
        began, asked_again = time.monotonic(), False
        while True:
            for delivery in await self._deliveries(order_no):
                told = _told_of_payment(delivery)
                if delivery["state"] == "DELIVERED" and told.get("status") == "DONE":
                    return told
            waited_s = time.monotonic() - began
            if waited_s > SETTLE_S:
                raise DemoTrouble("웹훅이 오지 않았습니다", "the webhook did not come")
            if waited_s > _RESEND_AFTER_S and not asked_again:
                asked_again = True
                await self._ask_again(order_no)
            await asyncio.sleep(_POLL_S)

    async def _deliveries(self, order_no: str) -> list[dict[str, Any]]:
        reply = expect(await self.sandbox.get(f"/sandbox/webhooks/deliveries?orderId={order_no}"), 200)
        found: list[dict[str, Any]] = reply["deliveries"]
        return found

    async def _ask_again(self, order_no: str) -> None:
        self.teller.waiting("웹훅을 다시 보내 달라고 합니다 / asking for the webhook again")
        for delivery in await self._deliveries(order_no):
            if delivery["state"] != "DELIVERED":
                await self.sandbox.post(f"/sandbox/webhooks/deliveries/{delivery['id']}/resend", {})


def expect(reply: Reply, *statuses: int) -> Reply:
    """Hand a reply on if its status is one of these. Raises DemoTrouble otherwise."""
    if reply.status not in statuses:
        raise unexpected(reply)
    return reply


def unexpected(reply: Reply) -> DemoTrouble:
    """The trouble of an answer that the story does not know how to go on from."""
    told = reply.body if isinstance(reply.body, dict) else {}
    said = f"{told.get('code', '')} {told.get('message', '')}".strip()
    call = f"{reply.method} {reply.path} {reply.status}"
    return DemoTrouble(f"뜻밖의 답입니다: {call} {said}", f"unexpected answer to {call}")


def _moves_money(row: dict[str, Any]) -> bool:
    return row["type"] in ("payment_confirmation", "refund_request", "payment_cancellation")


def _told_of_payment(delivery: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.json.decode(delivery["body"]).get("data") or {}
    return told
