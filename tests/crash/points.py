"""Which fault strikes whom, during which operation, at which message."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from tests.crash.proxy import Link
from tests.crash.watch import Seen, Strike
from tests.crash.wire import Message
from tests.crash.world import Member, World

Fault = Literal["kill", "pg-cut", "pg-restart", "toss-drop", "pause"]
Victim = Literal["api", "worker"]
Moment = Literal["question", "answer", "commit"]
"""A place that a run has whatever its numbers are: a question to Toss, the answer to it, the commit after that."""
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)
VICTIMS: Final[tuple[Victim, ...]] = get_args(Victim)
MOMENTS: Final[tuple[Moment, ...]] = get_args(Moment)
# In the short version: the operations that ask Toss, and those of which the worker has to finish each kind.
ASKING: Final = ("request", "confirm", "refund-full", "refund-part", "account", "charge", "key")
WORKED: Final = ("confirm", "refund-part", "deposit")
# Long enough for the worker to take up what a halted API has left, and for its locks to be waited for in vain.
PAUSED_S: Final = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One thing to try: the fault strikes at message number ``at``, or at a moment.

    ``repeat``: the client sends its request again; else recovery has to do alone.
    """

    operation: str
    victim: Victim
    fault: Fault
    at: int | Moment
    repeat: bool

    def __str__(self) -> str:
        alone = "" if self.repeat else " --alone"
        return f"--operation {self.operation} --victim {self.victim} --fault {self.fault} --at {self.at}{alone}"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a point. ``hit`` is the number that was struck, None if the run had fewer messages."""

    point: Point
    hit: int | None
    message: str
    problems: list[str] = field(default_factory=list)
    resolved_s: float | None = None


def strike_of(world: World, member: Member, fault: Fault) -> Strike:
    """Make what a fault does to a process when its message comes."""

    def kill(_link: Link, _message: Message) -> bool:
        member.kill()
        return False

    def pg_cut(link: Link, _message: Message) -> bool:
        if link.about == "pg":
            link.cut()
            return False
        # The message is Toss's: the connections that wait in the pool die meanwhile.
        member.pg.cut_all()
        return True

    def pg_restart(link: Link, _message: Message) -> bool:
        world.ground.crash_postgres()
        return link.about != "pg"

    def toss_drop(link: Link, _message: Message) -> bool:
        link.cut()
        return False

    def pause(_link: Link, _message: Message) -> bool:
        member.pause(PAUSED_S)
        return True

    strikes = {"kill": kill, "pg-cut": pg_cut, "pg-restart": pg_restart, "toss-drop": toss_drop, "pause": pause}
    return strikes[fault]


def place_of(point: Point, *, asks: bool) -> Callable[[Message], bool]:
    """Make what tells, message by message, whether the fault may strike here; ``asks``: whether Toss is asked at all.

    Only what Toss or we say to each other is dropped.
    """
    if isinstance(point.at, int):
        return lambda message: point.fault != "toss-drop" or message.about == "toss"
    if point.at != "commit":
        return lambda message: message.about == "toss" and message.from_client == (point.at == "question")
    heard = not asks

    def is_commit(message: Message) -> bool:
        nonlocal heard
        heard = heard or (message.about == "toss" and not message.from_client)
        return heard and message.label == "answer to COMMIT;"

    return is_commit


def every_point(
    operation: str, victim: Victim, seen: Sequence[Seen], faults: Sequence[Fault], *, every: int = 1
) -> Iterator[Point]:
    """Every k of a run that had these messages, or every n-th, another n-th for each fault."""
    for number, fault in enumerate(faults):
        places = [at for at, message in enumerate(seen, 1) if fault != "toss-drop" or message.about == "toss"]
        for at in places if fault == "toss-drop" else places[number % every :: every]:
            yield Point(operation=operation, victim=victim, fault=fault, at=at, repeat=_repeats(at, number))


def telling_points() -> Iterator[Point]:
    """The few points that differ most: about the exchange with Toss and the commit after it.

    The dear faults, for which something has to start again, are shared out among the operations.
    """
    for number, operation in enumerate(ASKING):
        yield _telling(operation, "api", "kill", "answer", number)
        yield _telling(operation, "api", "toss-drop", "question", number)
        yield _telling(operation, "api", "toss-drop", "answer", number + 1)
        yield _telling(operation, "api", ("pg-cut", "pg-restart")[number % 2], "commit", number // 2)
    for operation in WORKED:
        yield _telling(operation, "worker", "kill", "answer", 0)
        yield _telling(operation, "worker", "pg-cut", "commit", 1)
    # A halted process goes on where it was, after others have done its work.
    yield _telling("refund-part", "api", "pause", "answer", 1)
    yield _telling("confirm", "api", "pause", "commit", 0)
    yield _telling("refund-part", "worker", "pause", "question", 0)
    # A database that dies while Toss is being asked: nobody may be told that nothing happened.
    yield _telling("refund-part", "api", "pg-restart", "question", 1)
    yield _telling("deposit", "api", "kill", "commit", 0)
    yield _telling("deposit", "worker", "pg-restart", "commit", 0)
    yield _telling("deposit", "worker", "toss-drop", "answer", 0)


def _telling(operation: str, victim: Victim, fault: Fault, at: Moment, number: int) -> Point:
    return Point(operation=operation, victim=victim, fault=fault, at=at, repeat=number % 2 == 0)


def _repeats(at: int, number: int) -> bool:
    """Every other exchange, so that questions and answers get both."""
    return (at // 2 + number) % 2 == 0


def shuffled(points: Sequence[Point]) -> list[Point]:
    """The same order each time, so mixed that a run that is stopped early has tried some of everything."""
    mixed = list(points)
    random.Random(20261122).shuffle(mixed)  # noqa: S311 - nothing secret
    return mixed
