"""Counts the messages of one process and lets a fault strike at the k-th."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tests.crash.proxy import Link
from tests.crash.wire import Message

# Not counted, for a death or a cut there leaves what one at the next message leaves: asyncpg asking for a statement's
# plan (which a warm connection leaves out) and for types, and PgQueuer looking whether there is work.
_UNCOUNTED: Final = (
    "prepare ",
    "SELECT current_setting('jit')",
    "SELECT set_config('jit'",
    "WITH RECURSIVE typeinfo_tree",
    "SELECT COUNT(*) AS queued_work",
    "SELECT execute_after - NOW()",
)

Strike = Callable[[Link, Message], bool]
"""Does the harm; answers whether the message that it met still goes on its way."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of a counted message."""

    label: str
    from_client: bool
    about: str

    def __str__(self) -> str:
        return f"{self.about}{'<-' if self.from_client else '->'} {self.label}"


@dataclass
class Watch:
    """A window of attention: nothing is counted before it is armed, nor before the first marked message.

    A fault strikes *before* its message is forwarded. Both directions are counted, so that "after the server
    has done it" is the strike before the server's answer.
    """

    marks: tuple[bytes, ...] = ()
    at: int | None = None
    fits: Callable[[Message], bool] = bool
    strike: Strike | None = None
    armed: bool = False
    seen: list[Seen] = field(default_factory=list)
    hit: int | None = None

    def arm(
        self,
        *,
        at: int | None = None,
        strike: Strike | None = None,
        fits: Callable[[Message], bool] = bool,
        marks: tuple[bytes, ...] = (),
    ) -> None:
        """Begin to count; ``strike`` meets the first message from the ``at``-th on that ``fits``."""
        self.at, self.strike, self.fits, self.marks = at, strike, fits, marks
        self.seen, self.hit, self.armed = [], None, True

    def disarm(self) -> None:
        self.armed = False

    def __call__(self, link: Link, message: Message) -> bool:
        if not self.armed or message.label.removeprefix("answer to ").startswith(_UNCOUNTED):
            return True
        if not self.seen and self.marks and not any(mark in message.data for mark in self.marks):
            return True
        self.seen.append(Seen(message.label, message.from_client, message.about))
        due = self.at is not None and len(self.seen) >= self.at
        if not due or self.strike is None or self.hit is not None or not self.fits(message):
            return True
        self.hit = len(self.seen)
        return self.strike(link, message)
