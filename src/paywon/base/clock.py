"""The time, as a thing that is passed in."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Protocol

KST: Final = timezone(timedelta(hours=9), "KST")


class Clock(Protocol):
    """What knows the current instant."""

    def now(self) -> datetime:
        """Answer the current instant, with zone."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


SYSTEM_CLOCK: Final = SystemClock()
