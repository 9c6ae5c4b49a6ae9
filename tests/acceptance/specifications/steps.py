"""What the clients of both specifications do, in the words of the specifications."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.support.stack import Reply, Stack

TOSS = "/api/payments/toss"
CAPSULE = {"kind": "time_capsule", "timeOption": "1_YEAR", "headcount": 2, "title": "우리의 여름"}
BACK = {"successUrl": "https://shop.example/ok", "failUrl": "https://shop.example/no"}
ACCOUNT = {"bank": "국민은행", "accountNumber": "123456789012", "holderName": "홍길동"}


def printed_request(**changes: Any) -> dict[str, Any]:
    """The body of specification 1's payment request as it is printed, with UUIDs for the word ``uuid``."""
    body = {
        "userId": str(uuid4()),
        "resourceType": "booking",
        "resourceId": str(uuid4()),
        "amount": 50_000,
        "paymentMethod": "card",
        "customerName": "홍길동",
        "customerEmail": "hong@example.com",
        "customerMobilePhone": "01012345678",
        "description": "병원 예약 결제",
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


async def requested(stack: Stack, **changes: Any) -> dict[str, Any]:
    """Request a payment as printed; return the whole answer."""
    reply = await stack.api.post("/payments/request", printed_request(**changes))
    assert reply.status == 201, reply
    body: dict[str, Any] = reply.body
    return body


def told(payment: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The body of specification 1's confirm."""
    return {**{name: payment[name] for name in ("paymentKey", "orderId", "amount")}, **changes}


async def refund(stack: Stack, payment: dict[str, Any], **body: Any) -> Reply:
    return await stack.api.post(f"/payments/{payment['id']}/refund", {"refundReason": "고객 요청", **body})


async def refuse(stack: Stack, path: str, code: str, status: int, times: int = 1) -> None:
    """Have Toss answer with one of its errors."""
    await stack.fault(kind="status", path=path, status=status, code=code, times=times)


@dataclass
class App:
    """The React Native application: it has a user's token, and keeps a paymentKey or an order number alone."""

    stack: Stack
    token: dict[str, str]

    async def get(self, path: str) -> Reply:
        return await self.stack.api.get(path, headers=self.token)

    async def post(self, path: str, body: Any) -> Reply:
        return await self.stack.api.post(path, body, headers=self.token)

    async def order(self, **changes: Any) -> dict[str, Any]:
        """Order a capsule for two."""
        body = {"orderName": "타임캡슐 2인", "amount": 10_000, "fulfilment": CAPSULE, **changes}
        reply = await self.post("/api/orders", {name: value for name, value in body.items() if value is not None})
        assert reply.status == 201, reply
        made: dict[str, Any] = reply.body
        return made

    async def window(self, order: dict[str, Any], *, method: str = "CARD", **outcome: Any) -> str:
        """Open Toss's window for an order and have the customer authenticate; return the paymentKey."""
        asked = {"orderId": order["orderNo"], "orderName": order["orderName"], "amount": order["amount"], **BACK}
        opened = await self.stack.toss.post("/sandbox/checkout", asked)
        assert opened.status == 200, opened
        await self.stack.authenticate(opened["paymentKey"], method=method, **outcome)
        key: str = opened["paymentKey"]
        return key

    async def confirm(self, order: dict[str, Any], key: str) -> Reply:
        body = {"paymentKey": key, "orderId": order["orderNo"], "amount": order["amount"]}
        return await self.post(f"{TOSS}/confirm", body)

    async def paid(self, *, method: str = "CARD", **changes: Any) -> dict[str, Any]:
        """Order and pay; return what the confirm answered."""
        order = await self.order(**changes)
        reply = await self.confirm(order, await self.window(order, method=method))
        assert reply.status == 200, reply
        body: dict[str, Any] = reply.body
        return body

    async def cancel(self, key: str, **body: Any) -> Reply:
        return await self.stack.api.post(f"{TOSS}/{key}/cancel", {"cancelReason": "고객 변심", **body})

    async def account(self, order: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Have a virtual account issued for an order."""
        body = {"orderId": order["orderNo"], "bank": "국민은행", "customerName": "홍길동", **changes}
        issued = await self.post(f"{TOSS}/virtual-accounts", body)
        assert issued.status == 201, issued
        answer: dict[str, Any] = issued.body
        return answer

    async def deposit(self, order: dict[str, Any]) -> None:
        assert (await self.stack.toss.post(f"/sandbox/virtual-accounts/{order['orderNo']}/deposit")).status == 200

    async def settles(self, key: str) -> dict[str, Any]:
        """Wait until no question about a payment is open; return its view."""

        async def closed() -> dict[str, Any] | None:
            reply = await self.get(f"{TOSS}/{key}")
            return reply.body if reply.status == 200 and reply["payment"]["openRequest"] is None else None

        view: dict[str, Any] = await self.stack.eventually(closed)
        return view
