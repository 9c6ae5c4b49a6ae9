"""The sandbox's own time: each secret key has a clock that can be advanced, frozen and resumed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from paywon_sandbox.core.records import ClockState
from paywon_sandbox.settings import KST


class Clock:
    """Time of one account, in KST."""

    def __init__(self, state: ClockState | None = None) -> None:
        self.state = state or ClockState()

    def now(self) -> datetime:
        """The account's present instant."""
        if self.state.frozen_at is not None:
            return self.state.frozen_at.astimezone(KST)
        offset_s = self.state.offset_s
        return datetime.now(KST) + timedelta(seconds=offset_s) if offset_s else datetime.now(KST)

    def advance(self, seconds: float) -> None:
        """Move forward; works on a frozen clock too."""
        if self.state.frozen_at is not None:
            self.state.frozen_at += timedelta(seconds=seconds)
        else:
            self.state.offset_s += seconds

    def freeze(self) -> None:
        """Stop at the present instant."""
        self.state.frozen_at = self.now()

    def resume(self) -> None:
        """Run on from the instant at which the clock was frozen."""
        if self.state.frozen_at is None:
            return
        self.state.offset_s = (self.state.frozen_at - datetime.now(UTC)).total_seconds()
        self.state.frozen_at = None


def toss_instant(at: datetime) -> str:
    """`2024-02-13T12:18:14+09:00`, toss/api.md 1.5 [2src]."""
    # Everything that happens in one second shares one text.
    return sys.intern(at.astimezone(KST).isoformat(timespec="seconds"))


def webhook_instant(at: datetime) -> str:
    """`2024-02-13T12:18:14.123456`: KST with microseconds and no offset, toss/webhooks.md "Envelope" [2src]."""
    return at.astimezone(KST).replace(tzinfo=None).isoformat(timespec="microseconds")
