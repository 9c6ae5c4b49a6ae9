"""A plain aiohttp client of the sandbox, with the steps that many tests share."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from itertools import count
from typing import Any, Self

import aiohttp

_ORDERS = count(1)
SUCCESS_URL = "http://shop.example/success"
FAIL_URL = "http://shop.example/fail"


@dataclass(frozen=True)
class Answer:
    """Status, headers (several of one name joined by commas) and raw body of one answer."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        """The error code."""
        return str(self.json["code"])


def basic(text: str) -> str:
    """An Authorization header over any text."""
    return "Basic " + base64.b64encode(text.encode()).decode()


def new_order_id() -> str:
    """An orderId that no other test uses."""
    return f"order-{next(_ORDERS):06d}"


class Toss:
    """Speaks to one sandbox with one secret key."""

    def __init__(self, base_url: str, key: str, *, keep_alive: bool = False) -> None:
        self.base_url = base_url
        self.key = key
        self._keep_alive = keep_alive
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # A new connection each time: aiohttp repeats a GET by itself when a kept connection breaks.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=not self._keep_alive))
        return self

    async def __aexit__(self, *details: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = 20,
    ) -> Answer:
        """One request; `raw` sends bytes as they are."""
        assert self._session is not None
        sent = {"authorization": basic(self.key + ":"), "content-type": "application/json"} | (headers or {})
        data = raw if raw is not None or body is None else json.dumps(body).encode()
        async with self._session.request(
            method,
            self.base_url + path,
            data=None if data is None else io.BytesIO(data),
            headers={name: value for name, value in sent.items() if value},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout_s),
        ) as reply:
            names = dict.fromkeys(name.lower() for name in reply.headers)
            joined = {name: ", ".join(reply.headers.getall(name)) for name in names}
            return Answer(reply.status, joined, await reply.read())

    async def get(self, path: str, **options: Any) -> Answer:
        """GET."""
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: object = None, **options: Any) -> Answer:
        """POST."""
        return await self.call("POST", path, body, **options)

    async def ok(self, path: str, body: object = None) -> Any:
        """POST that must succeed."""
        answer = await self.post(path, body if body is not None else {})
        assert answer.status == 200, answer.raw.decode()
        return answer.json

    async def opened(self, amount: int = 15000, **more: object) -> tuple[str, str]:
        """A READY payment: (paymentKey, orderId)."""
        order_id = str(more.pop("orderId", None) or new_order_id())
        request = {
            "orderId": order_id,
            "orderName": "토스 티셔츠 외 2건",
            "amount": amount,
            "successUrl": SUCCESS_URL,
            "failUrl": FAIL_URL,
        } | more
        return str((await self.ok("/sandbox/checkout", request))["paymentKey"]), order_id

    async def authenticate(self, payment_key: str, **choice: object) -> str:
        """The customer approves; returns the redirect."""
        path = f"/sandbox/payments/{payment_key}/authenticate"
        return str((await self.ok(path, {"outcome": "approve"} | choice))["redirectUrl"])

    async def authenticated(self, amount: int = 15000, **choice: object) -> tuple[str, str]:
        """An IN_PROGRESS payment: (paymentKey, orderId)."""
        payment_key, order_id = await self.opened(amount)
        await self.authenticate(payment_key, **choice)
        return payment_key, order_id

    async def confirm(self, payment_key: str, order_id: str, amount: object, **options: Any) -> Answer:
        """POST confirm."""
        body = {"paymentKey": payment_key, "orderId": order_id, "amount": amount}
        return await self.post("/v1/payments/confirm", body, **options)

    async def paid(self, amount: int = 15000, **choice: object) -> Any:
        """A confirmed payment."""
        payment_key, order_id = await self.authenticated(amount, **choice)
        answer = await self.confirm(payment_key, order_id, amount)
        assert answer.status == 200, answer.raw.decode()
        return answer.json

    async def cancel(self, payment_key: str, **body: object) -> Answer:
        """POST cancel, with a reason unless one is given."""
        request = {"cancelReason": "고객이 취소를 원함"} | body
        return await self.post(f"/v1/payments/{payment_key}/cancel", request)

    async def payment(self, payment_key: str) -> Any:
        """The payment as the API shows it."""
        answer = await self.get(f"/v1/payments/{payment_key}")
        assert answer.status == 200, answer.raw.decode()
        return answer.json

    async def advance(self, seconds: int) -> None:
        """Move this key's clock."""
        await self.ok("/sandbox/clock/advance", {"seconds": seconds})

    async def fault(self, **fault: object) -> str:
        """Order a fault; returns its id."""
        return str((await self.ok("/sandbox/faults", fault))["id"])
