"""Toss's recorded answers, made to fit an order of ours."""

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from paywon.payments.commands.learning import Evidence
from paywon.toss.wire import decode_payment

_FIXTURES = Path(__file__).parents[1] / "fixtures" / "toss"


def evidence(fixture: str, *, asked_at: datetime, **changes: Any) -> Evidence:
    """Read a fixture such as ``payment-card-done`` with some of its fields changed."""
    raw: dict[str, Any] = msgspec.json.decode((_FIXTURES / f"{fixture}.json").read_bytes())
    raw |= changes
    return Evidence(answer=decode_payment(msgspec.json.encode(raw)), raw=raw, asked_at=asked_at)
