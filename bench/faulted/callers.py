"""Callers: they order, pay and refund, poll where they are told 202, and repeat what broke with the same key."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from bench.faulted.plan import Door, Errand
from bench.faulted.world import World
from tests.support.stack import Reply

TIMEOUT_S: Final = 15.0
"""How long a caller waits for an answer; ours come within ``PAYWON_ANSWER_BUDGET_S``."""
_HANGS_UP_AFTER_S: Final = 0.03
_AGAIN_S: Final = 1.0
_PATIENCE_S: Final = 120.0
"""How long a caller insists. What a killed worker held is taken again when its lease ends."""
_BROKEN: Final = (aiohttp.ClientError, TimeoutError, OSError)
_CAPSULE: Final = {"kind": "time_capsule", "timeOption": "1_YEAR", "headcount": 2, "title": "우리의 여름"}
_ACCOUNT: Final = {"bank": "국민은행", "customerName": "박토스", "validHours": 24}
_REFUND_TO: Final = {"bank": "KOOKMIN", "accountNumber": "98765432101234", "holderName": "박토스"}

Body = dict[str, Any]


class Disappointed(Exception):  # noqa: N818 - a caller's word, not a fault of the program
    """A caller was answered what should not be, or not at all."""


@dataclass
class Run:
    """One errand under way. Times are of the monotonic clock; ``resolved_at`` is when our books showed its end."""

    errand: Errand
    began: float = field(default_factory=time.monotonic)
    resolved_at: float | None = None
    order_no: str = ""
    payment_key: str = ""
    payment_id: str = ""
    problem: str | None = None

    @property
    def took_s(self) -> float | None:
        return None if self.resolved_at is None else self.resolved_at - self.began


@dataclass
class Callers:
    """All callers together, and what they were answered beside plain success."""

    world: World
    told: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    """What was ordered at the sandbox, by kind."""

    async def play(self, run: Run) -> None:
        """Do an errand from its order to its last refund; what disappoints is noted on the run."""
        try:
            await self._begin(run)
            await self._pay(run)
            for part, amount in enumerate(run.errand.parts):
                await self._refund(run, amount, part)
        except Disappointed as why:
            run.problem = str(why)

    async def _begin(self, run: Run) -> None:
        """Order, and let the customer authenticate in Toss's window."""
        errand = run.errand
        if errand.door is Door.REQUEST:
            body = _request_of(errand)
            payment = _payment_in(await self._ask(run, "/payments/request", body, "request"))
            run.order_no, run.payment_key = payment["orderId"], payment["paymentKey"]
            run.payment_id = payment["id"]
        else:
            run.order_no = (await self._ask(run, "/api/orders", _order_of(errand), "order"))["orderNo"]
        if errand.door is Door.ORDER:
            run.payment_key = (await self._at_toss("/sandbox/checkout", _window_of(run)))["paymentKey"]
        if errand.door is not Door.ACCOUNT:
            path = f"/sandbox/payments/{run.payment_key}/authenticate"
            await self._at_toss(path, {"outcome": "approve", "method": "CARD"})

    async def _pay(self, run: Run) -> None:
        errand, door = run.errand, run.errand.door
        strikes = not errand.on_refund
        if door is Door.ACCOUNT:
            await self._order_api_trouble(run, "/v1/virtual-accounts", strikes)
            body = {"orderId": run.order_no, **_ACCOUNT}
            await self._ask(run, "/api/payments/toss/virtual-accounts", body, "pay", leaves=strikes)
            await self._deposit(run)
            return
        await self._order_api_trouble(run, "/v1/payments/confirm", strikes)
        await self._order_webhook_trouble(run, strikes)
        path = "/payments/confirm" if door is Door.REQUEST else "/api/payments/toss/confirm"
        body = {"paymentKey": run.payment_key, "orderId": run.order_no, "amount": errand.amount}
        await self._ask(run, path, body, "pay", leaves=strikes)

    async def _deposit(self, run: Run) -> None:
        """The customer transfers the money; the caller looks until we know of it."""
        run.payment_key = (await self._read(run))["payment"]["paymentKey"]
        await self._order_webhook_trouble(run, not run.errand.on_refund)
        await self._at_toss(f"/sandbox/virtual-accounts/{run.order_no}/deposit", {})
        # What is all refunded before its hold is over never has a capsule; here it shall have one.
        awaits_capsule = run.errand.has_capsule and run.errand.expected.balance == 0
        await self._look_until(
            run, lambda shown: _is_paid(shown) and (not awaits_capsule or shown["capsule"] is not None)
        )

    async def _refund(self, run: Run, amount: int, part: int) -> None:
        errand = run.errand
        strikes = errand.on_refund and part == 0
        await self._order_api_trouble(run, "/v1/payments/*/cancel", strikes)
        await self._order_webhook_trouble(run, strikes)
        if errand.door is Door.REQUEST:
            path = f"/payments/{run.payment_id}/refund"
            body: Body = {"refundReason": f"고객 요청 {part + 1}", "refundAmount": amount}
        else:
            path = f"/api/payments/toss/{run.payment_key}/cancel"
            body = {"cancelReason": f"고객 요청 {part + 1}", "cancelAmount": amount}
        if errand.door is Door.ACCOUNT:
            body["refundReceiveAccount"] = _REFUND_TO
        await self._ask(run, path, body, f"refund-{part}", leaves=strikes)

    # --- How a client asks ----------------------------------------------------------------------------

    async def _ask(self, run: Run, path: str, body: Body, step: str, *, leaves: bool = False) -> Reply:
        """Send a write until it is answered for good, always with one key; then poll while Toss has not settled it."""
        trouble = run.errand.trouble
        hang_up = leaves and trouble is not None and trouble.caller_leaves
        headers = {"Idempotency-Key": f"load-{run.errand.number}-{step}"}
        deadline = time.monotonic() + _PATIENCE_S
        turn = run.errand.turn
        while time.monotonic() < deadline:
            reply = await self._send(turn, path, body, headers, _HANGS_UP_AFTER_S if hang_up else TIMEOUT_S)
            turn, hang_up = turn + 1, False
            if reply is not None and reply.status == 202:
                return await self._poll(run, reply)
            if reply is not None and reply.status < 300:
                return reply
            if reply is not None and not _may_repeat(reply):
                raise Disappointed(f"{step}: {reply.status} {reply.body}")
            await asyncio.sleep(_pause_s(reply))
        raise Disappointed(f"{step}: no answer in {_PATIENCE_S:.0f} s")

    async def _send(self, turn: int, path: str, body: Body, headers: dict[str, str], wait_s: float) -> Reply | None:
        """Send once, to the API whose turn it is; None if the connection broke or the caller hung up."""
        api = self.world.apis[turn % len(self.world.apis)]
        timeout = aiohttp.ClientTimeout(total=wait_s)
        try:
            reply = await api.post(path, body, headers=headers, timeout=timeout)
        except _BROKEN as error:
            self.told["hung up" if wait_s < TIMEOUT_S else f"broken: {type(error).__name__}"] += 1
            return None
        if reply.status >= 202:
            code = reply.body.get("code") if isinstance(reply.body, dict) and reply.status >= 300 else None
            self.told[f"{reply.status} {code}" if code else str(reply.status)] += 1
        return reply

    async def _poll(self, run: Run, told: Reply) -> Reply:
        """Look where a 202 says, as often as it says, until nothing is open any more."""
        place, pause_s = told.headers["location"], float(told.headers["retry-after"])
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            await asyncio.sleep(pause_s)
            shown = await self._get(run.errand.turn, place)
            if shown is not None and shown.status == 200 and not _payment_in(shown)["openRequest"]:
                return shown
        raise Disappointed(f"{place}: still open after {_PATIENCE_S:.0f} s")

    async def _look_until(self, run: Run, is_so: Callable[[Reply], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            if is_so(await self._read(run)):
                return
            await asyncio.sleep(_AGAIN_S / 2)
        raise Disappointed(f"the deposit was not seen in {_PATIENCE_S:.0f} s")

    async def _read(self, run: Run) -> Reply:
        for turn in range(20):
            shown = await self._get(run.errand.turn + turn, f"/api/payments/toss/orders/{run.order_no}")
            if shown is not None and shown.status == 200 and shown["payment"] is not None:
                return shown
            await asyncio.sleep(_AGAIN_S)
        raise Disappointed("the payment cannot be read")

    async def _get(self, turn: int, path: str) -> Reply | None:
        try:
            return await self.world.apis[turn % len(self.world.apis)].get(path)
        except _BROKEN as error:
            self.told[f"broken: {type(error).__name__}"] += 1
            return None

    # --- The sandbox ----------------------------------------------------------------------------------

    async def _order_api_trouble(self, run: Run, path: str, strikes: bool) -> None:
        trouble = run.errand.trouble
        if strikes and trouble is not None and trouble.api is not None:
            await self._order_fault(run, {**trouble.api, "method": "POST", "path": path})

    async def _order_webhook_trouble(self, run: Run, strikes: bool) -> None:
        trouble = run.errand.trouble
        if strikes and trouble is not None and trouble.webhook is not None:
            await self._order_fault(run, trouble.webhook)

    async def _order_fault(self, run: Run, fault: Body) -> None:
        self.faults[("webhook " if fault.get("target") else "") + fault["kind"]] += 1
        await self._at_toss("/sandbox/faults", {**fault, "orderId": run.order_no})

    async def _at_toss(self, path: str, body: Body) -> Reply:
        try:
            reply = await self.world.toss.post(path, body)
        except _BROKEN as error:
            raise Disappointed(f"the sandbox's {path}: {error!r}") from error
        if reply.status != 200:
            raise Disappointed(f"the sandbox's {path}: {reply.status} {reply.body}")
        return reply


def _may_repeat(reply: Reply) -> bool:
    """Whether an answer says that the same request may be sent again; such answers say when."""
    return reply.status in (409, 503) and "retry-after" in reply.headers


def _pause_s(reply: Reply | None) -> float:
    return _AGAIN_S if reply is None else float(reply.headers["retry-after"])


def _payment_in(reply: Reply) -> Body:
    """Take the payment out of an answer; ``GET /payments/{id}`` is nothing but the payment."""
    found: Body = reply.body.get("payment", reply.body)
    return found


def _is_paid(shown: Reply) -> bool:
    return bool(shown["payment"]["status"] == "DONE")


def _order_of(errand: Errand) -> Body:
    order: Body = {
        "orderName": f"주문 {errand.number}",
        "amount": errand.amount,
        "userId": f"user-{errand.number % 500}",
        "resourceType": "load",
        "resourceId": f"load-{errand.number}",
    }
    return order | ({"fulfilment": _CAPSULE} if errand.has_capsule else {})


def _request_of(errand: Errand) -> Body:
    return {
        "userId": f"user-{errand.number % 500}",
        "resourceType": "load",
        "resourceId": f"load-{errand.number}",
        "amount": errand.amount,
        "paymentMethod": "card",
        "description": f"결제 {errand.number}",
    }


def _window_of(run: Run) -> Body:
    return {
        "orderId": run.order_no,
        "orderName": f"주문 {run.errand.number}",
        "amount": run.errand.amount,
        "successUrl": "http://localhost:3000/payments/success",
        "failUrl": "http://localhost:3000/payments/fail",
    }
