"""Forged webhooks: what somebody sends who knows the door, and a few orders because they are their own."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, Final

SECRET: Final = "the key that Toss and the shop know, and the forger does not"  # noqa: S105
_LARGE: Final = "x" * 50_000


@dataclass(frozen=True, kw_only=True)
class Own:
    """An order of the forger's: paid, so that they know its paymentKey, or with an account that waits for a deposit."""

    order_no: str
    payment_key: str


@dataclass(frozen=True, kw_only=True)
class Forger:
    """Makes the n-th forged webhook; always the same for the same orders."""

    own: list[Own]

    def request(self, number: int) -> bytes:
        """The bytes of a request, each from an address of its own."""
        body, headers = self._forged(number)
        address = IPv4Address(int(IPv4Address("20.0.0.0")) + number)
        lines = ["POST /payments/webhook HTTP/1.1", "host: paywon", f"x-forwarded-for: {address}", *headers]
        return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body

    def _forged(self, number: int) -> tuple[bytes, list[str]]:
        dice = random.Random(number)  # noqa: S311 - nothing secret
        own = dice.choice(self.own)
        stranger, key = f"ORD-17371{number:08}-{dice.getrandbits(40):08X}", f"tgen_{dice.getrandbits(64):x}"
        kind = number % 20
        if kind <= 9:
            return _changed(orderId=stranger, paymentKey=key), []
        if kind <= 12:
            return _changed(orderId=own.order_no, paymentKey=key, n=number), []
        if kind == 13:
            return _changed(orderId=own.order_no, paymentKey=own.payment_key, status="CANCELED", n=number), []
        if kind == 14:
            flat = {"orderId": own.order_no, "secret": f"ps_{number}", "transactionKey": key, "status": "DONE"}
            return json.dumps(flat).encode(), []
        if kind == 15:
            return _changed(orderId=stranger, paymentKey=key), [f"toss-signature: {number:064x}"]
        if kind == 16:
            return b'{"eventType": ' + dice.randbytes(40), []
        if kind == 17:
            return _changed(orderId="ORD-1737120000000-REPEATED"), []
        if kind == 18:
            return _changed(orderId=stranger, note=_LARGE), []
        cancel = {"eventType": "CANCEL_STATUS_CHANGED", "data": {"transactionKey": key, "cancelStatus": "DONE"}}
        return json.dumps(cancel).encode(), []


def _changed(**data: Any) -> bytes:
    return json.dumps({"eventType": "PAYMENT_STATUS_CHANGED", "data": {"status": "DONE", **data}}).encode()
