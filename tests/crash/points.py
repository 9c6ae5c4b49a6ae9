"""Which fault strikes whom, during which operation, at which message."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from tests.crash.proxy import Link
from tests.crash.watch import Seen, Strike
from tests.crash.wire import Message
from tests.crash.world import Member, World

Fault = Literal["kill", "pg-cut", "pg-restart", "toss-drop"]
Victim = Literal["api", "worker"]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)
VICTIMS: Final[tuple[Victim, ...]] = get_args(Victim)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One thing to try. ``repeat``: the client sends its request again; else recovery has to do alone."""

    operation: str
    victim: Victim
    fault: Fault
    at: int
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

    return {"kill": kill, "pg-cut": pg_cut, "pg-restart": pg_restart, "toss-drop": toss_drop}[fault]


def fits(fault: Fault, message: Message) -> bool:
    """Whether a fault can meet this message: only what Toss or we say to each other is dropped."""
    return fault != "toss-drop" or message.about == "toss"


def every_point(
    operation: str, victim: Victim, seen: Sequence[Seen], faults: Sequence[Fault], *, every: int = 1
) -> Iterator[Point]:
    """Every k of a run that had these messages, or every n-th, another n-th for each fault."""
    for number, fault in enumerate(faults):
        places = [at for at, message in enumerate(seen, 1) if fault != "toss-drop" or message.about == "toss"]
        for at in places if fault == "toss-drop" else places[number % every :: every]:
            yield Point(operation=operation, victim=victim, fault=fault, at=at, repeat=_repeats(at, number))


def telling_points(operation: str, victim: Victim, seen: Sequence[Seen]) -> Iterator[Point]:
    """The few points that differ most: about an exchange with Toss, and the commit after it."""
    asks = [at for at, message in enumerate(seen, 1) if message.about == "toss" and message.from_client]
    heard = [at for at, message in enumerate(seen, 1) if message.about == "toss" and not message.from_client]
    committed = [at for at, message in enumerate(seen, 1) if message.label == "answer to COMMIT;"]
    after = [at for at in committed if not heard or at > heard[-1]][:1]
    chosen: dict[Fault, list[int]] = {"kill": heard[-1:] or after, "pg-cut": after}
    if victim == "api":
        chosen |= {"pg-restart": after, "toss-drop": [*asks[-1:], *heard[-1:]]}
    for number, fault in enumerate(FAULTS):
        for at in chosen.get(fault, []):
            yield Point(operation=operation, victim=victim, fault=fault, at=at, repeat=_repeats(at, number))


def _repeats(at: int, number: int) -> bool:
    """Every other exchange, so that questions and answers get both."""
    return (at // 2 + number) % 2 == 0


def shuffled(points: Sequence[Point]) -> list[Point]:
    """The same order each time, so mixed that a run that is stopped early has tried some of everything."""
    mixed = list(points)
    random.Random(20261122).shuffle(mixed)  # noqa: S311 - nothing secret
    return mixed
