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


def toss_time(text: object) -> datetime | None:
    """Read a time as Toss writes it; without an offset it is in Korea's (toss/api.md 1.5). None where it is no time."""
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=KST)
