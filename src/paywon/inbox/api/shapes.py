"""What operators are shown of webhooks."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from paywon.inbox.model import Repeat
from paywon.inbox.refusals.model import Refusal, Refused
from paywon.inbox.shown.store import Whole
from paywon.inbox.store import Stored
from paywon.web.shapes import Output


class WebhookOut(Output, frozen=True, kw_only=True):
    """A stored webhook. ``lookAt`` is when Toss is read for it, null once it is over."""

    id: UUID
    event_type: str
    verdict: str
    status: str
    reason: str | None
    order_id: str | None
    order_no: str | None
    received_at: datetime
    look_at: datetime | None


class WebhookList(Output, frozen=True, kw_only=True):
    webhooks: list[WebhookOut]
    next_cursor: str | None


class WebhookDeliveryOut(Output, frozen=True, kw_only=True):
    """One arrival of a webhook. ``headers`` are those that we keep, ``repeat`` false for the first."""

    at: datetime
    source_address: str | None
    verdict: str
    headers: dict[str, str]
    repeat: bool


class WebhookDetailOut(WebhookOut, frozen=True, kw_only=True):
    """All that is kept of a webhook; ``body`` is redacted.

    ``orderNo`` and ``paymentId`` are the order and the payment of ours that it is about, ``paymentKey`` and
    ``transactionKey`` what it names. ``looks``: how many looks at Toss have shown less than it claims. ``repeats``
    counts all, ``deliveries`` shows the newest twenty of them, and the first arrival last.
    """

    payment_id: UUID | None
    payment_key: str | None
    transaction_key: str | None
    transmission_id: str | None
    body: dict[str, Any]
    repeats: int
    deliveries: list[WebhookDeliveryOut]
    looks: int
    processed_at: datetime | None
    asked_again_at: datetime | None
    asked_again_by: str | None


class RefusedDayOut(Output, frozen=True, kw_only=True):
    """How many deliveries were not taken on a Korean day.

    ``malformed``: no webhook of Toss's (400, 413, …). ``rejected``: its proof does not fit, or is missing in strict
    mode (401). ``overLimit``: too many (429). ``failed``: we could not store it (503).
    """

    day: date
    malformed: int
    rejected: int
    over_limit: int
    failed: int
    last_at: datetime


class RefusedList(Output, frozen=True, kw_only=True):
    days: list[RefusedDayOut]


def webhook_out(stored: Stored) -> WebhookOut:
    return WebhookOut(order_id=stored.order_no, **asdict(stored))


def webhook_detail_out(found: Whole) -> WebhookDetailOut:
    shown = asdict(found.stored)
    same = {name: getattr(found, name) for name in Whole.__slots__ if name in WebhookDetailOut.__struct_fields__}
    return WebhookDetailOut(order_id=found.stored.order_no, **shown, **same, deliveries=_deliveries(found))


def _deliveries(found: Whole) -> list[WebhookDeliveryOut]:
    repeats = [msgspec.convert(each, Repeat) for each in found.repeat_deliveries]
    first = WebhookDeliveryOut(
        at=found.stored.received_at,
        source_address=found.source_address,
        verdict=found.stored.verdict,
        headers=found.headers,
        repeat=False,
    )
    return [*(WebhookDeliveryOut(**asdict(each), repeat=True) for each in repeats), first]


def refused_list(counted: Iterable[Refused]) -> RefusedList:
    """Put what was counted into one entry a day; the newest first, as it comes."""
    days: dict[date, list[Refused]] = {}
    for each in counted:
        days.setdefault(each.day, []).append(each)
    return RefusedList(days=[_day_out(day, counts) for day, counts in days.items()])


def _day_out(day: date, counts: list[Refused]) -> RefusedDayOut:
    sums = dict.fromkeys(Refusal, 0) | {each.kind: each.count for each in counts}
    return RefusedDayOut(
        day=day,
        malformed=sums[Refusal.MALFORMED],
        rejected=sums[Refusal.REJECTED],
        over_limit=sums[Refusal.OVER_LIMIT],
        failed=sums[Refusal.FAILED],
        last_at=max(each.last_at for each in counts),
    )
