"""Load with faults: many payments, a third of them in trouble, processes killed on the way; the books compared.

    script/load [--payments 10000] [--jobs 32] [--minutes 30]

It starts a PostgreSQL, a sandbox, two API processes and two workers of its own, and ends them. Each payment is an
order, a customer at the sandbox's door, a confirm or a deposit, for some a refund. docs/performance.md says how to
read the table. The exit code is 1 if anything is wrong with the books.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec
from bench.faulted import books, report
from bench.faulted.callers import TIMEOUT_S, Callers, Run
from bench.faulted.plan import errand
from bench.faulted.report import Story, say
from bench.faulted.world import World, open_world

KILLS: Final = {"worker-1": 1 / 3, "api-2": 1 / 2, "worker-2": 2 / 3}
"""Who is killed once which part has begun. Not the API that takes webhooks: Toss tries again only in minutes."""
_DEAD_FOR_S: Final = 1.0
_LOOK_EVERY_S: Final = 0.25
_SAY_EVERY_S: Final = 2.0
_SETTLE_LOOK_S: Final = 0.5
_SETTLE_WITHIN_S: Final = 180.0
_IDLE_FOR_S: Final = 20.0
"""When nothing was open for so long, what is missing will not come any more; a dead worker's lease is 12 s."""
_CHECK_WITHIN_S: Final = 600.0


@dataclass
class Load:
    """A run under way."""

    world: World
    options: argparse.Namespace
    callers: Callers
    runs: list[Run] = field(default_factory=list)
    waiting: dict[int, Run] = field(default_factory=dict)
    """By number: what our books do not show to be over yet."""
    left: dict[str, int] | None = None
    """What else is open, once all callers are done."""
    killed: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    settled_s: float = 0.0

    async def play(self) -> None:
        """Have all callers do their errands, while processes die; then wait until all is quiet."""
        numbers = iter(range(self.options.payments))
        async with asyncio.TaskGroup() as group:
            helpers = [group.create_task(work) for work in (self._watch(), self._tell())]
            async with asyncio.TaskGroup() as callers:
                for _ in range(self.options.jobs):
                    callers.create_task(self._caller(numbers))
                callers.create_task(self._kill())
            ended = time.monotonic()
            self.seconds = ended - self.began
            await self._settle()
            self.settled_s = time.monotonic() - ended
            for helper in helpers:
                helper.cancel()

    @property
    def is_late(self) -> bool:
        """Whether no more shall be begun."""
        return time.monotonic() - self.began > 60 * float(self.options.minutes)

    async def _caller(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            if self.is_late:
                return
            run = Run(errand=errand(number))
            self.runs.append(run)
            self.waiting[number] = run
            await self.callers.play(run)
            if run.order_no:
                await self._look([run])
            else:
                self.waiting.pop(number)

    async def _look(self, runs: list[Run]) -> None:
        """Note which of these payments our books show to be over."""
        known = await books.ours(self.world, [run.order_no for run in runs])
        now = time.monotonic()
        for run in runs:
            if run.resolved_at is None and books.is_final(known.get(run.order_no), run.errand.expected):
                run.resolved_at = now
                self.waiting.pop(run.errand.number, None)

    async def _watch(self) -> None:
        """See payments come to their end without their callers, who look only every two seconds."""
        while True:
            await self._look([run for run in self.waiting.values() if run.order_no])
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(_SAY_EVERY_S)
            say(self._line())

    def _line(self) -> str:
        if self.left is not None:
            return f"the callers are done; still open: {len(self.waiting)} payments, {self.left}"
        over = len(self.runs) - len(self.waiting)
        per_s = over / (time.monotonic() - self.began)
        return f"{len(self.runs):,} of {self.options.payments:,} begun, {over:,} over, {per_s:.1f} a second"

    async def _kill(self) -> None:
        """Kill one process after the other, once enough has begun, and start each again."""
        for name in self.options.kill or KILLS:
            while len(self.runs) < KILLS[name] * self.options.payments:
                if self.is_late:
                    return
                await asyncio.sleep(0.05)
            await self.world.kill(name)
            self.killed.append(f"{name} at payment {len(self.runs):,}")
            say(f"killed {self.killed[-1]}")
            await asyncio.sleep(_DEAD_FOR_S)
            await self.world.revive(name)

    async def _settle(self) -> None:
        """Wait until nothing is open any more, or until it has been waited for long enough."""
        deadline, busy_at = time.monotonic() + _SETTLE_WITHIN_S, time.monotonic()
        while time.monotonic() < deadline:
            self.left = await books.unfinished(self.world)
            busy_at = time.monotonic() if any(self.left.values()) else busy_at
            if not any(self.left.values()) and (not self.waiting or time.monotonic() - busy_at > _IDLE_FOR_S):
                return
            await asyncio.sleep(_SETTLE_LOOK_S)


async def run(options: argparse.Namespace) -> Story:
    """Start everything, play, compare; all of it is ended on return."""
    say("starting PostgreSQL, sandbox, two API processes, two workers")
    async with open_world(TIMEOUT_S) as world:
        load = Load(world=world, options=options, callers=Callers(world=world))
        before = world.costs()
        await load.play()
        after = world.costs()
        say("comparing every payment with the sandbox's books")
        findings = await books.compare(world, load.runs)
        return Story(
            runs=load.runs,
            findings=findings,
            told=load.callers.told,
            faults=load.callers.faults,
            unused_faults=await books.unused_faults(world),
            seconds=load.seconds,
            settled_s=load.settled_s,
            killed=load.killed,
            costs=(before, after),
            webhooks=await books.webhooks(world),
            log=world.log_lines(),
            own_checks=[await _invariants(world, findings), await _audit(world, findings)],
        )


async def _invariants(world: World, findings: books.Findings) -> str:
    """Have paywon look at its invariants; one that is broken, or could not be looked at, is a violation."""
    code, said, took_s = await _paywon(world, "invariants", "--json")
    try:
        results = msgspec.json.decode(said)["results"]
    except msgspec.DecodeError:
        findings.note("paywon invariants", said.decode(errors="replace").splitlines())
        return f"paywon invariants: exit code {code}, {took_s:.1f} s"
    bad = [each for each in results if each["violations"] or each["trouble"]]
    for each in bad:
        findings.note(f"invariant {each['invariant']}", [str(each["trouble"]), *map(str, each["samples"])])
    slowest = max(results, key=lambda each: float(each["elapsedMs"]))
    slow = f"the slowest {slowest['invariant']}, {slowest['elapsedMs'] / 1000:.1f} s"
    return f"paywon invariants: {len(results)} looked at, {len(bad)} broken, {took_s:.1f} s, {slow}"


async def _audit(world: World, findings: books.Findings) -> str:
    """Have paywon verify its audit trail."""
    code, said, took_s = await _paywon(world, "audit", "verify")
    lines = said.decode(errors="replace").splitlines()
    if code != 0:
        findings.note("paywon audit verify", lines)
    return f"paywon audit verify: {lines[0] if lines else ''}, {took_s:.1f} s"


async def _paywon(world: World, *command: str) -> tuple[int | None, bytes, float]:
    """Run a command of paywon: its exit code, what it printed, and how long it took."""
    began = time.monotonic()
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "paywon", *command, env=world.environment(), stdout=pipe
    )
    try:
        said, _ = await asyncio.wait_for(child.communicate(), _CHECK_WITHIN_S)
    except TimeoutError:
        child.kill()
        said = f"took longer than {_CHECK_WITHIN_S:.0f} s".encode()
    return child.returncode, said, time.monotonic() - began


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/load", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--payments", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=32, help="callers at once")
    parser.add_argument("--kill", action="append", choices=KILLS, help="kill only this one; may be repeated")
    parser.add_argument("--minutes", type=float, default=30.0, help="begin no new payment after this time")
    return parser.parse_args()


async def _until_stopped(options: argparse.Namespace) -> Story:
    """Run, and clear away on SIGTERM as on Ctrl-C."""
    task = asyncio.current_task()
    assert task is not None, "this runs in a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run(options)


def main() -> int:
    """Answer 0 if the books agree and nothing is open."""
    story = asyncio.run(_until_stopped(_options()))
    report.show(story)
    return 1 if story.violations else 0


if __name__ == "__main__":
    with contextlib.suppress(asyncio.CancelledError):
        sys.exit(main())
