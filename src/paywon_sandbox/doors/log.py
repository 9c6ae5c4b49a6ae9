"""The request log: what was asked and what was answered, kept as bytes and laid out when somebody looks."""

from __future__ import annotations

import msgspec

from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.records import LoggedRequest
from paywon_sandbox.core.store import Account
from paywon_sandbox.doors.replies import Reply

# Longer bodies are cut, and so are the lists in answers: enough for any payment, not for a page of settlements.
LOGGED_BYTES = 4000


class _Mentions(msgspec.Struct):
    order_id: object = msgspec.field(default=None, name="orderId")


_MENTIONS = msgspec.json.Decoder(_Mentions)


def opened(account: Account, method: str, path: str, body: bytes, idempotency_key: str | None) -> LoggedRequest:
    """The line of a request that has just come in."""
    line = LoggedRequest(
        at=account.clock.now(),
        method=method,
        path=path,
        order_id=_order_id(account, path, body),
        body=cut(body),
        idempotency_key=idempotency_key,
    )
    account.requests.append(line)
    return line


def close(line: LoggedRequest, reply: Reply) -> None:
    """What was answered."""
    line.status, line.code = reply.status, reply.code
    line.answer = cut(reply.body if reply.shown is None else reply.shown)


def cut(body: bytes) -> bytes:
    """At most LOGGED_BYTES of it and one more, which tells that something is missing."""
    return body if len(body) <= LOGGED_BYTES else body[: LOGGED_BYTES + 1]


def shown(line: LoggedRequest) -> dict[str, object]:
    """One line as the control door answers it."""
    return {
        "time": toss_instant(line.at),
        "method": line.method,
        "path": line.path,
        "orderId": line.order_id,
        "body": readable(line.body),
        "idempotencyKey": line.idempotency_key,
        "status": line.status,
        "code": line.code,
        "answer": None if line.answer is None else readable(line.answer),
        "replayed": line.replayed,
        "fault": line.fault,
    }


def readable(body: bytes) -> object:
    """JSON as it is, anything else and what was cut as text; None for nothing."""
    if not body:
        return None
    if len(body) > LOGGED_BYTES:
        return body[:LOGGED_BYTES].decode(errors="replace") + " …"
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body.decode(errors="replace")


def _order_id(account: Account, path: str, body: bytes) -> str | None:
    """The orderId that a request is about: from the body, the path, or the payment that the path names."""
    mentioned = _mentioned(body)
    if mentioned is not None:
        return mentioned
    parts = path.split("/")
    if parts[1:4] == ["v1", "payments", "orders"]:
        return parts[4]
    record = account.payments.get(parts[3]) if len(parts) > 3 else None
    return record.payment.order_id if record else None


def _mentioned(body: bytes) -> str | None:
    if not body:
        return None
    try:
        order_id = _MENTIONS.decode(body).order_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return order_id if isinstance(order_id, str) else None
