"""Troubles on the way to and from the API, as ordered at the control door."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Request

from paywon_sandbox.core.records import Fault
from paywon_sandbox.core.store import Account
from paywon_sandbox.doors import sockets
from paywon_sandbox.doors.replies import Reply
from paywon_sandbox.webhooks.faults import change_field, path_matches, use_up

KINDS = frozenset(
    {"refuse", "delay", "drop_reply", "half_body", "status", "reset", "away", "lag", "mangle"}
    | {"lose", "double", "reorder"}
)
# What is shown, beside how it is answered: these go together with one of the others.
_OF_THE_BODY = frozenset({"lag", "mangle"})


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What faults are chosen by."""

    method: str
    path: str
    order_id: str | None


def drop_ended(account: Account) -> None:
    """Forget the faults whose time is over."""
    now = datetime.now(UTC)
    for fault in [fault for fault in account.faults.values() if fault.ends_at is not None and fault.ends_at <= now]:
        del account.faults[fault.id]


def _fitting(account: Account, about: About) -> list[Fault]:
    drop_ended(account)
    return [
        fault
        for fault in account.faults.values()
        if fault.target == "api"
        and fault.order_id in (None, about.order_id)
        and fault.method in (None, about.method)
        and (fault.path is None or path_matches(fault.path, about.path))
    ]


def take_fault(account: Account, about: About) -> Fault | None:
    """The first fault that fits this request; one of its times is used up."""
    return _take(account, (fault for fault in _fitting(account, about) if fault.kind not in _OF_THE_BODY))


def take_lag(account: Account, about: About) -> Fault | None:
    """The first `lag` that fits this read."""
    return _take(account, (fault for fault in _fitting(account, about) if fault.kind == "lag"))


def _take(account: Account, faults: Iterable[Fault]) -> Fault | None:
    fault = next(iter(faults), None)
    if fault is not None:
        use_up(account, fault)
    return fault


def take_mangles(account: Account, about: About, reply: Reply) -> list[Fault]:
    """Every `mangle` that fits this request, where a Payment is answered; one of the times of each is used up."""
    if not account.faults or reply.status != 200 or not _is_payment(_decoded(reply.body)):
        return []
    found = [fault for fault in _fitting(account, about) if fault.kind == "mangle"]
    for fault in found:
        use_up(account, fault)
    return found


def mangled(reply: Reply, mangles: Sequence[Fault]) -> Reply:
    """The answer with the fields that `mangle` names changed; what is stored for the Idempotency-Key is not."""
    if not mangles:
        return reply
    body = _decoded(reply.body)
    for fault in mangles:
        change_field(body, fault)
    return msgspec.structs.replace(reply, body=msgspec.json.encode(body))


def _decoded(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None


def _is_payment(body: object) -> bool:
    return isinstance(body, dict) and {"paymentKey", "totalAmount"} <= body.keys()


def named(*faults: Fault | None) -> str | None:
    """The kinds of what a request met, as the log shows them."""
    return ", ".join(fault.kind for fault in faults if fault is not None) or None


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
    """`away`, and `status` without a code or 429: an answer from in front of the API. It is not stored for the key."""
    if fault is None or fault.kind not in ("status", "away"):
        return None
    if fault.kind == "status" and fault.code is not None and fault.status != 429:
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
    if fault is not None and fault.kind != "away" and fault.delay_ms:
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
