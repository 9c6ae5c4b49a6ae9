"""What a field case takes: a whole paywon whose calls to Toss pass a proxy, with times short enough to wait for."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import OpenStack, Sandbox
from tests.field.proxy import TossProxy
from tests.support.stack import Reply, Stack

QUICK = {"PAYWON_RESOLVE_AFTER_S": "1", "PAYWON_DEPOSIT_HOLD_S": "1", "PAYWON_ANSWER_BUDGET_S": "4"}


@dataclass
class Shop:
    """A merchant's side of a field case: its application, its customers, and its console at Toss."""

    stack: Stack
    proxy: TossProxy

    @property
    def api(self) -> Any:
        return self.stack.api

    async def order(self, amount: int = 30_000, **changes: Any) -> dict[str, Any]:
        """Place an order; return its body."""
        reply = await self.api.post("/api/orders", {"orderName": "책", "amount": amount, "userId": "u-1", **changes})
        assert reply.status == 201, reply
        body: dict[str, Any] = reply.body
        return body

    async def window(self, order: dict[str, Any], *, method: str = "CARD", **outcome: Any) -> str:
        """Open a payment window for an order and let the customer authenticate; return the paymentKey."""
        checkout = {
            "orderId": order["orderNo"],
            "orderName": order["orderName"],
            "amount": order["amount"],
            "taxFreeAmount": order.get("taxFreeAmount", 0),
            "successUrl": "http://127.0.0.1/ok",
            "failUrl": "http://127.0.0.1/no",
        }
        opened = await self.stack.toss.post("/sandbox/checkout", checkout)
        assert opened.status in (200, 201), opened
        await self.stack.authenticate(opened["paymentKey"], method=method, **outcome)
        key: str = opened["paymentKey"]
        return key

    async def confirm(self, order: dict[str, Any], key: str, **options: Any) -> Reply:
        body = {"paymentKey": key, "orderId": order["orderNo"], "amount": order["amount"]}
        reply: Reply = await self.api.post("/api/payments/toss/confirm", body, **options)
        return reply

    async def paid(self, amount: int = 30_000, *, method: str = "CARD", **changes: Any) -> dict[str, Any]:
        """Place an order and pay it; return the payment as ``/api/payments/toss`` shows it."""
        order = await self.order(amount, **changes)
        reply = await self.confirm(order, await self.window(order, method=method))
        assert reply.status == 200, reply
        payment: dict[str, Any] = reply["payment"]
        return payment

    async def console_cancel(self, payment_key: str, amount: int | None = None, reason: str = "콘솔에서 취소") -> Reply:
        """Cancel at Toss as its merchant console does, past paywon."""
        body = {"cancelReason": reason} | ({} if amount is None else {"cancelAmount": amount})
        reply = await self.stack.toss.post(f"/v1/payments/{payment_key}/cancel", body)
        assert reply.status == 200, reply
        return reply

    async def at_toss(self, payment_key: str) -> dict[str, Any]:
        """Return the payment as the sandbox has it."""
        body: dict[str, Any] = (await self.stack.toss.get(f"/v1/payments/{payment_key}")).body
        return body

    async def lose_webhooks(self) -> None:
        await self.stack.fault(kind="lose", times=0)

    async def webhooks_back(self) -> None:
        """Remove every fault of the sandbox."""
        reply = await self.stack.toss.send("DELETE", "/sandbox/faults")
        assert reply.status in (200, 204), reply

    async def order_status(self, order_no: str) -> str:
        row = await self.stack.row("SELECT status FROM orders WHERE order_no = $1", order_no)
        status: str = row["status"]
        return status


@pytest.fixture(scope="session")
def proxy_process(sandbox: Sandbox) -> Iterator[TossProxy]:
    proxy = TossProxy(sandbox.url)
    proxy.start()
    yield proxy
    proxy.stop()


@pytest.fixture
def proxy(proxy_process: TossProxy) -> TossProxy:
    """The proxy between paywon and Toss, without rules."""
    proxy_process.reset()
    return proxy_process


@pytest.fixture
async def shop(open_stack: OpenStack, proxy: TossProxy) -> AsyncIterator[Shop]:
    """A paywon with one API process and a worker behind the proxy, and quick times."""
    stack = await open_stack(TOSS_PAYMENTS_BASE_URL=proxy.url, **QUICK)
    yield Shop(stack=stack, proxy=proxy)
    proxy.reset()
