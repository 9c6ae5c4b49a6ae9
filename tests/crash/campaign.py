"""Runs points against a world: strike, start again what died, let it recover, and look whether all is right."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from tests.crash.checks import examine
from tests.crash.operations import OPERATIONS, Case, Operation
from tests.crash.points import Point, Result, Victim, place_of, strike_of
from tests.crash.proxy import Link
from tests.crash.watch import Seen
from tests.crash.wire import Message
from tests.crash.world import Member, World
from tests.support.invariants import assert_invariants

# What a dead worker held is taken again when its lease ends: 9 s with the settings of world.QUICK.
SETTLE_WITHIN_S: Final = 150.0
_HIT_WITHIN_S: Final = {"api": 8.0, "worker": 20.0}
_POLL_S: Final = 0.2
_AGAIN_S: Final = 2.0
# Webhooks come a moment after all else is quiet.
_GRACE_S: Final = 0.4

_QUIET: Final = """
    SELECT o.resource_id, p.status, o.status = 'PAID' AND o.fulfilment_status = 'WAITING' AS owed,
      (SELECT count(*) FROM payment_transactions t WHERE t.payment_id = p.id AND t.status = 'pending') AS open,
      (SELECT count(*) FROM webhook_events w WHERE w.order_no = o.order_no AND w.status = 'received') AS waiting
    FROM orders o LEFT JOIN payments p ON p.order_id = o.id WHERE o.resource_id = ANY($1)
    UNION ALL
    SELECT customer_key, status, false,
      (SELECT count(*) FROM payment_transactions t WHERE t.billing_key_id = k.id AND t.status = 'pending'), 0
    FROM billing_keys k WHERE customer_key = ANY($1)
    """


class GoesWrongError(Exception):
    """An operation goes wrong although no fault has struck."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(f"goes wrong without any fault: {problems}")
        self.problems = problems


@dataclass
class Trial:
    """A point under way."""

    point: Point
    operation: Operation
    case: Case
    hit: int | None = None
    message: str = ""
    struck_at: float = 0.0
    quiet_since: float | None = None
    answered: bool = False
    next_try: float = 0.0

    @property
    def must_happen(self) -> bool:
        """Whether the effect has to come: the client insisted, or, for a deposit, the bank has the money."""
        return self.point.repeat or self.operation.webhook_only or self.hit is None

    @property
    def has_been_quiet(self) -> bool:
        """Whether it is at rest, and nothing came late."""
        return self.quiet_since is not None and time.monotonic() - self.quiet_since > _GRACE_S

    @property
    def waits_for_client(self) -> bool:
        return self.point.repeat and not self.operation.webhook_only and not self.answered


@dataclass
class Campaign:
    """One world and the trials that are not over in it; ``tell`` hears of each point that was struck."""

    world: World
    tell: Callable[[Point], None] = lambda _point: None
    trials: list[Trial] = field(default_factory=list)
    settle_within_s: float = SETTLE_WITHIN_S
    _blamed: set[str] = field(default_factory=set)

    async def learn(self, name: str, victim: Victim, *, times: int = 2) -> list[Seen]:
        """Run an operation without a fault and answer its messages, of the longest run.

        Raises:
            GoesWrongError: it does not do what it has to.
        """
        runs = []
        for _ in range(times):
            trial, member = await self._begin(Point(operation=name, victim=victim, fault="kill", at=0, repeat=True))
            await self._until_over(trial, member)
            runs.append(list(member.watch.seen))
        wrong = [problem for result in await self.settle() for problem in result.problems]
        if wrong:
            raise GoesWrongError(wrong)
        return max(runs, key=len)

    async def run(self, points: Sequence[Point]) -> list[Result]:
        """Try points one after the other, then let all of them recover together, and judge."""
        watching = asyncio.create_task(self._watch())
        try:
            for point in points:
                await self._try(point)
                await self._push_waiting()  # between two points, for while one is under way all messages are counted
                self.tell(point)
        finally:
            watching.cancel()
        return await self.settle()

    async def _watch(self) -> None:
        while True:
            await self._look(self.trials)
            await asyncio.sleep(_POLL_S)

    async def settle(self) -> list[Result]:
        """Wait until all is quiet, the clients have their answers, or time is up; then judge."""
        deadline = time.monotonic() + self.settle_within_s
        while time.monotonic() < deadline:
            await self.world.make_whole()
            await self._look(self.trials)
            if not await self._push_waiting() and all(trial.has_been_quiet for trial in self.trials):
                break
            await asyncio.sleep(_POLL_S)
        results = [await self._judge(trial) for trial in self.trials]
        self.trials = []
        return results + await self._invariants(results)

    async def _try(self, point: Point) -> None:
        trial, member = await self._begin(point)
        await self._until_over(trial, member)
        await self.world.make_whole()
        if trial.waits_for_client:
            await self._repeat(trial)

    async def _begin(self, point: Point) -> tuple[Trial, Member]:
        """Arm the watch and let the operation run; for the worker's sake the API first loses Toss's answer."""
        operation = OPERATIONS[point.operation]()
        trial = Trial(point=point, operation=operation, case=await self._prepared(operation))
        member = self.world.members[point.victim]
        harm = strike_of(self.world, member, point.fault)

        def strike(link: Link, message: Message) -> bool:
            trial.struck_at = time.monotonic()
            return harm(link, message)

        marks = () if point.victim == "api" else trial.case.marks
        asks = point.victim == "worker" or not operation.webhook_only
        at = (point.at or None) if isinstance(point.at, int) else 1
        member.watch.arm(at=at, strike=strike, fits=place_of(point, asks=asks), marks=marks)
        if point.victim == "worker" and not operation.webhook_only:
            self._lose_reply()
        self.trials.append(trial)
        await operation.act(self.world, trial.case)
        if point.victim == "worker":
            member.watch.marks = trial.case.marks
        return trial, member

    async def _prepared(self, operation: Operation) -> Case:
        """Prepare, and let what that set off come to rest; a process that was just hit may need a moment."""
        for _ in range(20):
            with suppress(RuntimeError, OSError, TimeoutError, ConnectionError, KeyError, TypeError):
                case = await operation.prepare(self.world)
                if case.subject_id is not None:
                    await self._at_rest(case)
                return case
            await asyncio.sleep(0.25)
            await self.world.make_whole()
        return await operation.prepare(self.world)

    async def _at_rest(self, case: Case) -> None:
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            rows = await self.world.books.rows(_QUIET, [case.resource_id])
            told = await self.world.books.rows("SELECT FROM webhook_events WHERE order_no = $1", case.order_no)
            if told and all(not row["open"] and not row["waiting"] for row in rows):
                return
            await asyncio.sleep(0.03)

    def _lose_reply(self) -> None:
        def cut(link: Link, _message: Message) -> bool:
            link.cut()
            return False

        api = self.world.members["api"]
        api.watch.arm(at=1, strike=cut, fits=lambda message: message.about == "toss" and not message.from_client)

    async def _until_over(self, trial: Trial, member: Member) -> None:
        """Wait until the fault has struck, or until nothing is left that it could strike."""
        watch, deadline = member.watch, time.monotonic() + _HIT_WITHIN_S[trial.point.victim]
        over_at: float | None = None
        while watch.hit is None and time.monotonic() < deadline:
            await self._look([trial])
            over_at = None if trial.quiet_since is None else over_at or time.monotonic()
            if over_at is not None and time.monotonic() - over_at > _GRACE_S:
                break
            await asyncio.sleep(0.03)
        for each in self.world.members.values():
            each.watch.disarm()
        trial.hit, trial.quiet_since = watch.hit, None
        trial.message = str(watch.seen[watch.hit - 1]) if watch.hit else ""

    async def _look(self, trials: list[Trial]) -> None:
        """Note which trials have come to rest, and since when."""
        names = [trial.case.resource_id for trial in trials]
        rows = {row["resource_id"]: row for row in await self.world.books.rows(_QUIET, names)}
        for trial in trials:
            if not _is_quiet(trial, rows.get(trial.case.resource_id)):
                trial.quiet_since = None
            elif trial.quiet_since is None:
                trial.quiet_since = time.monotonic()

    async def _push_waiting(self) -> bool:
        """Do what the world outside does for what has not come to rest; answer whether there is any."""
        waiting = [trial for trial in self.trials if trial.quiet_since is None or trial.waits_for_client]
        await asyncio.gather(*(self._push(trial) for trial in waiting))
        return bool(waiting)

    async def _push(self, trial: Trial) -> None:
        """Do what the world outside does meanwhile: the client repeats, Toss sends a lost webhook again."""
        if time.monotonic() < trial.next_try:
            return
        trial.next_try = time.monotonic() + _AGAIN_S
        if trial.waits_for_client:
            await self._repeat(trial)
        await self._redeliver(trial.case)

    async def _repeat(self, trial: Trial) -> None:
        reply = await trial.operation.act(self.world, trial.case)
        trial.answered = reply is not None and reply.status not in (409, 503)
        trial.next_try = time.monotonic() + _AGAIN_S

    async def _redeliver(self, case: Case) -> None:
        """Send again what did not get through, as Toss would after a minute."""
        if case.order_no is None:
            return
        listed = await self.world.toss.get(f"/sandbox/webhooks/deliveries?orderId={case.order_no}")
        for delivery in listed["deliveries"]:
            if delivery["state"] != "DELIVERED" and delivery["attempts"]:
                await self.world.toss.post(f"/sandbox/webhooks/deliveries/{delivery['id']}/resend")

    async def _judge(self, trial: Trial) -> Result:
        if trial.point.repeat and trial.answered:
            await self._repeat(trial)
        found = []
        if trial.quiet_since is None:
            found.append(f"not at rest after {self.settle_within_s:.0f} s")
        if trial.waits_for_client:
            found.append(f"the client has no answer after {self.settle_within_s:.0f} s")
        found += await self._problems(trial)
        took = None if trial.quiet_since is None or trial.hit is None else trial.quiet_since - trial.struck_at
        return Result(point=trial.point, hit=trial.hit, message=trial.message, problems=found, resolved_s=took)

    async def _problems(self, trial: Trial) -> list[str]:
        """Look, and where something is wrong look once more: what is wrong stays wrong, a late webhook does not."""
        for pause_s in (_AGAIN_S, 0):
            found = await examine(self.world, trial.operation, trial.case, must_happen=trial.must_happen)
            if not found:
                break
            await asyncio.sleep(pause_s)
        return found

    async def _invariants(self, results: list[Result]) -> list[Result]:
        """Run the shared invariants over the whole database; what they newly find is blamed on the last point."""
        try:
            await assert_invariants(self.world.books.url)
        except AssertionError as broken:
            said = [line.strip() for line in str(broken).splitlines() if line and not line.startswith("ok ")]
            new = [line for line in said if not line.startswith("BAD") and line not in self._blamed]
            self._blamed |= set(new)
            found = [f"invariants, after {len(results)} points: {'; '.join(said)}"] if new else []
            return [Result(point=results[-1].point, hit=None, message="", problems=found)] if results and new else []
        return []


def _is_quiet(trial: Trial, row: dict[str, Any] | None) -> bool:
    if row is None:
        return not trial.must_happen
    at_rest = not row["open"] and not row["waiting"] and not row["owed"]
    arrived = row["status"] == trial.operation.effect.toss
    begun = row["status"] is not None
    return at_rest and (arrived or not (trial.must_happen and begun)) and (begun or not trial.must_happen)
