"""What the control door and the control page do alike: clock, webhook registrations, deliveries, faults."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from paywon_sandbox.core import ids
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.records import Delivery, Fault, Webhook
from paywon_sandbox.core.store import Account
from paywon_sandbox.doors.faults import KINDS, drop_ended
from paywon_sandbox.rules.addresses import is_http_url
from paywon_sandbox.rules.expiry import sweep
from paywon_sandbox.rules.params import Params
from paywon_sandbox.webhooks.events import EVENT_TYPES
from paywon_sandbox.webhooks.faults import WEBHOOK_ONLY_KINDS

# States of Toss rather than single mishaps.
LASTING_KINDS = frozenset({"away", "lag"})
MAX_DELAY_MS = 600_000
MAX_ADVANCE_S = 10 * 366 * 86_400


def clock_view(account: Account) -> dict[str, object]:
    """The account's time."""
    clock = account.clock
    return {
        "now": clock.now().isoformat(timespec="microseconds"),
        "frozen": clock.state.frozen_at is not None,
        "offsetSeconds": clock.state.offset_s,
    }


def change_clock(account: Account, action: str, params: Params) -> dict[str, object]:
    """advance {seconds}, freeze, resume. What falls due by it has happened on return."""
    if action == "advance":
        seconds = params.positive("seconds")
        if seconds > MAX_ADVANCE_S:
            raise TossError("INVALID_REQUEST")
        account.clock.advance(seconds)
    elif action == "freeze":
        account.clock.freeze()
    elif action == "resume":
        account.clock.resume()
    else:
        raise TossError("NOT_FOUND")
    account.keep_clock()
    sweep(account)
    return clock_view(account)


def register_webhook(account: Account, params: Params) -> Webhook:
    """Register a receiver; the same url again replaces the earlier registration."""
    url = params.text("url", longest=2000)
    events = params.text_list("events")
    if not is_http_url(url) or not set(events) <= EVENT_TYPES:
        raise TossError("INVALID_REQUEST")
    earlier = next((hook for hook in account.webhooks.values() if hook.url == url), None)
    hook_id = earlier.id if earlier else ids.control_id("whk")
    webhook = Webhook(id=hook_id, url=url, events=events, created_at=account.clock.now())
    account.keep_webhook(webhook)
    return webhook


def remove_webhook(account: Account, webhook_id: str) -> None:
    """Forget a registration."""
    if webhook_id not in account.webhooks:
        raise TossError("NOT_FOUND")
    account.drop_webhook(webhook_id)


def resend(account: Account, delivery_id: str) -> Delivery:
    """The dashboard's "다시 시도": send once more, now."""
    delivery = account.deliveries.get(delivery_id)
    if delivery is None:
        raise TossError("NOT_FOUND")
    delivery.state = "PENDING"
    delivery.scheduled_at = account.clock.now()
    account.keep_delivery(delivery)
    return delivery


def order_fault(account: Account, params: Params) -> Fault:
    """Order a trouble; `times` defaults to 1, for a lasting kind to 0, which means until it is deleted."""
    fault = _read_fault(params)
    account.faults[fault.id] = fault
    return fault


def _read_fault(params: Params) -> Fault:
    kind = params.text("kind")
    target = params.optional_text("target") or ("webhook" if kind in WEBHOOK_ONLY_KINDS else "api")
    status = params.optional_amount("status")
    times = params.whole("times", 0 if kind in LASTING_KINDS else 1)
    delay_ms = params.not_negative("delayMs")
    both_ways = kind in ("delay", "mangle") or (kind in WEBHOOK_ONLY_KINDS) == (target == "webhook")
    bad_number = times < 0 or delay_ms > MAX_DELAY_MS or (status is not None and not 200 <= status <= 599)
    field = params.pattern("field", r"[A-Za-z0-9_]{1,40}(\.[A-Za-z0-9_]{1,40}){0,5}")
    if (
        (kind == "mangle") != (field is not None)
        or kind not in KINDS
        or target not in ("api", "webhook")
        or not both_ways
        or bad_number
    ):
        raise TossError("INVALID_REQUEST")
    method = params.optional_text("method", longest=10)
    return Fault(
        id=ids.control_id("flt"),
        kind=kind,
        target=target,
        method=method.upper() if method else None,
        path=params.optional_text("path"),
        order_id=params.optional_text("orderId"),
        times=times or None,
        delay_ms=delay_ms,
        status=status,
        # Not only the known ones: new codes come without a new version (toss/api.md 1.3).
        code=params.pattern("code", r"[A-Z][A-Z0-9_]{0,99}"),
        ends_at=datetime.now(UTC) + timedelta(milliseconds=delay_ms) if kind == "away" and delay_ms else None,
        field=field,
        value=params.as_sent("value", msgspec.UNSET),
    )


def waiting_faults(account: Account) -> list[Fault]:
    """Faults that are still to be met."""
    drop_ended(account)
    return list(account.faults.values())


def remove_faults(account: Account, fault_id: str | None) -> list[str]:
    """Call off one fault, or all of them; returns the ids that are gone."""
    gone = list(account.faults) if fault_id is None else [fault_id]
    if fault_id is not None and fault_id not in account.faults:
        raise TossError("NOT_FOUND")
    for key in gone:
        del account.faults[key]
    return gone
