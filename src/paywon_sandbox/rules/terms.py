"""Due dates, escrow and cash receipts: what `POST /v1/virtual-accounts` and a payment window have in common."""

from __future__ import annotations

from datetime import datetime, timedelta

from paywon_sandbox.core.errors import TossError
from paywon_sandbox.rules.params import Params
from paywon_sandbox.settings import (
    KST,
    VIRTUAL_ACCOUNT_LIFETIME,
    VIRTUAL_ACCOUNT_MAX_HOURS,
    VIRTUAL_ACCOUNT_MAX_LIFETIME,
)

RECEIPT_TYPES = ("소득공제", "지출증빙")
NO_RECEIPT = "미발행"


def read_valid_hours(params: Params) -> int | None:
    """`validHours`, which excludes `dueDate`; up to 2160 (toss/api.md 6)."""
    if params.has("validHours") and params.has("dueDate"):
        raise TossError("INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE")
    if not params.has("validHours"):
        return None
    hours = params.whole("validHours", 0)
    if hours < 1:
        raise TossError("INVALID_REQUEST")
    if hours > VIRTUAL_ACCOUNT_MAX_HOURS:
        raise TossError("EXCEED_MAX_VALID_HOURS")
    return hours


def read_due_date(params: Params) -> datetime | None:
    """`dueDate`; without an offset it is KST (toss/api.md 1.5)."""
    text = params.optional_text("dueDate", code="INVALID_DATE")
    if text is None:
        return None
    try:
        due = datetime.fromisoformat(text)
    except ValueError as problem:
        raise TossError("INVALID_DATE") from problem
    return due if due.tzinfo else due.replace(tzinfo=KST)


def due_at(now: datetime, hours: int | None, due_date: datetime | None) -> datetime:
    """When the account falls due: 168 hours from now if nothing was said, at most 90 days (toss/api.md 6)."""
    due = due_date or now + (timedelta(hours=hours) if hours else VIRTUAL_ACCOUNT_LIFETIME)
    if due <= now:
        raise TossError("INVALID_DATE")
    if due > now + VIRTUAL_ACCOUNT_MAX_LIFETIME:
        raise TossError("EXCEED_MAX_DUE_DATE")
    return due


def read_escrow(params: Params) -> bool:
    """`useEscrow`, which needs `escrowProducts`."""
    wanted = params.flag("useEscrow", default=False)
    products = params.children("escrowProducts")
    for product in products:
        for name in ("id", "name", "code"):
            product.text(name)
        product.positive("unitPrice")
        product.positive("quantity")
    if wanted and not products:
        raise TossError("INVALID_REQUEST")
    return wanted
