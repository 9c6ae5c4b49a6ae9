"""examples/event-receiver, run as its README says: it takes what is genuine, once, and lets nothing else in."""

import asyncio
import json
import socket
import sqlite3
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

from tests.acceptance.test_events import ENDPOINTS, QUICK, pay, place
from tests.conftest import OpenStack
from tests.docs.pages import ROOT
from tests.support.processes import Process, free_port

EXAMPLE = ROOT / "examples" / "event-receiver" / "receiver.py"


def post(port: int, secret: str, body: dict[str, Any], *, at: datetime | None = None) -> int:
    raw, at = json.dumps(body).encode(), at or datetime.now(UTC)
    headers = {
        "webhook-id": body["id"],
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(body["id"], at, raw.decode()),
    }
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", data=raw, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - a loopback address of ours
            status: int = answer.status
            return status
    except urllib.error.HTTPError as refused:
        return refused.code


def is_up(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_the_example_hands_over_what_is_paid_once_and_takes_back_what_is_not(
    open_stack: OpenStack, tmp_path: Path
) -> None:
    stack, port = await open_stack(**QUICK), free_port()
    made = await stack.api.post(ENDPOINTS, {"url": f"http://127.0.0.1:{port}/", "events": ["order.*"]})
    secret, books = made["secret"], tmp_path / "received.db"
    env = {"PAYWON_EVENT_SECRET": secret, "PORT": str(port), "DATABASE": str(books)}
    receiver = Process([str(EXAMPLE)], env=env, log=tmp_path / "receiver.log")

    async def handed_over(order_no: str, wanted: int) -> None:
        async def seen() -> bool:
            with sqlite3.connect(books) as conn:
                return conn.execute("SELECT handed_over FROM orders WHERE order_no = ?", (order_no,)).fetchall() == [
                    (wanted,)
                ]

        await stack.eventually(seen)

    try:
        while not is_up(port):
            await asyncio.sleep(0.05)
        order = await place(stack)
        payment = (await pay(stack, order))["payment"]
        await handed_over(order["orderNo"], 1)
        assert (await stack.api.get(f"/api/orders/{order['id']}"))["fulfilment"]["status"] == "FULFILLED"
        cancel = f"/api/payments/toss/{payment['paymentKey']}/cancel"
        assert (await stack.api.post(cancel, {"cancelReason": "변심"})).status == 200
        await handed_over(order["orderNo"], 0)

        # The same again, an old one after a newer one, and what nobody signed.
        event = await stack.row("SELECT id, seq, data FROM events WHERE type = 'order.paid'")
        body = {"id": str(event["id"]), "type": "order.paid", "sequence": event["seq"], "data": event["data"]}
        assert await asyncio.to_thread(post, port, secret, body) == 204
        assert await asyncio.to_thread(post, port, secret, {**body, "id": "sent-late"}) == 204
        await handed_over(order["orderNo"], 0)
        stranger = {**body, "id": "forged", "sequence": 10**9}
        assert await asyncio.to_thread(post, port, "whsec_c3RyYW5nZXI=", stranger) == 401
        old = datetime.now(UTC) - timedelta(minutes=6)
        assert await asyncio.to_thread(lambda: post(port, secret, stranger, at=old)) == 401
        await handed_over(order["orderNo"], 0)
    finally:
        receiver.kill()
