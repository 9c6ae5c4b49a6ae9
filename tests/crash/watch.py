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

# What the worker does about a case without naming it: a webhook's end, a job's end.
_ALWAYS: Final = ("webhook_events", "job_status")
_GIVEN_BACK: Final = "answer to SELECT pg_advisory_unlock_all()"

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
    """A window of attention: nothing is counted before it is armed.

    With ``marks``, only the conversations about them count: what a connection carries from the first message that
    bears a mark until it goes back to the pool, or Toss has answered. A worker's looking around does not, nor what it
    does about others.

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
    _busy: set[Link] = field(default_factory=set)

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
        self.seen, self.hit, self.armed, self._busy = [], None, True, set()

    def disarm(self) -> None:
        self.armed = False

    def __call__(self, link: Link, message: Message) -> bool:
        if not self.armed or not self._counts(link, message):
            return True
        self.seen.append(Seen(message.label, message.from_client, message.about))
        due = self.at is not None and len(self.seen) >= self.at
        if not due or self.strike is None or self.hit is not None or not self.fits(message):
            return True
        self.hit = len(self.seen)
        return self.strike(link, message)

    def _counts(self, link: Link, message: Message) -> bool:
        if message.label.removeprefix("answer to ").startswith(_UNCOUNTED):
            return False
        if not self.marks:
            return True
        if any(mark in message.data for mark in self.marks):
            self._busy.add(link)
        counts = link in self._busy or any(name in message.label for name in _ALWAYS)
        if message.label.startswith(_GIVEN_BACK) or (message.about == "toss" and not message.from_client):
            self._busy.discard(link)
        return counts
