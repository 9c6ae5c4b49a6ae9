"""Choosing the fault that a webhook meets."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

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
