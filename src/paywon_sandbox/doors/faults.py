"""Troubles on the way to and from the API, as ordered at the control door."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from litestar import Request

from paywon_sandbox.core.records import Fault
from paywon_sandbox.core.store import Account
from paywon_sandbox.doors import sockets
from paywon_sandbox.doors.replies import Reply
from paywon_sandbox.webhooks.faults import path_matches, use_up

KINDS = frozenset({"refuse", "delay", "drop_reply", "half_body", "status", "reset", "lose", "double", "reorder"})


def take_fault(account: Account, *, method: str, path: str, order_id: str | None) -> Fault | None:
    """The first fault that fits this request; one of its times is used up."""
    for fault in list(account.faults.values()):
        if fault.target != "api" or fault.order_id not in (None, order_id):
            continue
        if fault.method not in (None, method):
            continue
        if fault.path is None or path_matches(fault.path, path):
            use_up(account, fault)
            return fault
    return None


def client_of(request: Request[Any, Any, Any]) -> tuple[str, int]:
    """The peer address; Granian gives the port as text."""
    client = request.scope["client"]
    assert client is not None
    return client[0], int(client[1])


def refused_connection(fault: Fault | None, client: tuple[str, int]) -> bool:
    """Play `refuse` and `reset`: the connection is gone before anything was done."""
    if fault is None or fault.kind not in ("refuse", "reset"):
        return False
    if fault.kind == "reset":
        sockets.reset(client)
    else:
        sockets.hang_up(client)
    return True


def gateway_reply(fault: Fault | None) -> Reply | None:
    """`status` without a code, or 429: an answer from in front of the API. It is not stored for the key."""
    if fault is None or fault.kind != "status" or (fault.code is not None and fault.status != 429):
        return None
    status = fault.status or 503
    page = f"<html><head><title>{status}</title></head><body>sandbox fault</body></html>"
    return Reply(status=status, body=page.encode(), content_type="text/html")


def api_refusal(fault: Fault | None, refuse: Callable[[str, int | None], Reply]) -> Reply | None:
    """`status` with a code: the API's own error, stored for the key like any other."""
    if fault is None or fault.kind != "status" or fault.code is None:
        return None
    return refuse(fault.code, fault.status)


async def pause(fault: Fault | None) -> None:
    """Play `delay`: the work starts late. The client's leaving does not stop it."""
    if fault is not None and fault.delay_ms:
        await asyncio.sleep(fault.delay_ms / 1000)


def lost_reply(fault: Fault | None, client: tuple[str, int], reply: Reply) -> bool:
    """Play `drop_reply` and `half_body`: the work is done, the answer does not arrive whole."""
    if fault is None or fault.kind not in ("drop_reply", "half_body"):
        return False
    if fault.kind == "drop_reply":
        sockets.hang_up(client)
        return True
    head = (
        f"HTTP/1.1 {reply.status} OK\r\ncontent-type: {reply.content_type}\r\ncontent-length: {len(reply.body)}\r\n\r\n"
    )
    sockets.send_and_hang_up(client, head.encode() + reply.body[: len(reply.body) // 2])
    return True
