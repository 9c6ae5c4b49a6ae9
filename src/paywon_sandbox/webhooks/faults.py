"""Choosing the fault that a webhook meets."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from paywon_sandbox.core.records import Delivery, Fault
from paywon_sandbox.core.store import Account

WEBHOOK_ONLY_KINDS = frozenset({"lose", "double", "reorder"})


def take_webhook_fault(account: Account, delivery: Delivery) -> Fault | None:
    """The first fault that fits the first transmission of this delivery; one of its times is used up."""
    if delivery.attempts:
        return None
    path = urlsplit(delivery.url).path
    for fault in list(account.faults.values()):
        if fault.target != "webhook" or fault.order_id not in (None, delivery.order_id):
            continue
        if fault.path is None or path_matches(fault.path, path):
            use_up(account, fault)
            return fault
    return None


def path_matches(pattern: str, path: str) -> bool:
    """A prefix, or a pattern where `*` stands for anything."""
    if "*" not in pattern:
        return path.startswith(pattern)
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), path) is not None


def use_up(account: Account, fault: Fault) -> None:
    """Count a fault down and remove it when its times are spent."""
    if fault.times is None:
        return
    fault.times -= 1
    if fault.times <= 0:
        account.faults.pop(fault.id, None)


def change_field(body: object, fault: Fault) -> None:
    """Put a `mangle`'s value into a field of a decoded body, or take the field out; `card.amount`, `cancels.0` too."""
    assert fault.field is not None
    *parents, name = fault.field.split(".")
    for parent in parents:
        body = _part(body, parent)
    if isinstance(body, list) and _part(body, name) is not None:
        body[int(name)] = None if fault.value is msgspec.UNSET else fault.value
    elif isinstance(body, dict) and fault.value is msgspec.UNSET:
        body.pop(name, None)
    elif isinstance(body, dict):
        body[name] = fault.value


def _part(body: object, name: str) -> object:
    if isinstance(body, dict):
        return body.get(name)
    if isinstance(body, list) and name.isdigit() and int(name) < len(body):
        part: object = body[int(name)]
        return part
    return None


def mangled_event(body: str, fault: Fault) -> str:
    """A webhook's body with a field of its `data` changed, or of itself where it has none."""
    event = msgspec.json.decode(body)
    change_field(event.get("data", event), fault)
    return msgspec.json.encode(event).decode()
