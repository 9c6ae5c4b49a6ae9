"""``script/crash``: every operation, every message, every fault."""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.campaign import Campaign
from tests.crash.mutants import MUTANTS, try_mutant
from tests.crash.operations import OPERATIONS
from tests.crash.points import FAULTS, MOMENTS, VICTIMS, Moment, Point, Result, every_point, shuffled
from tests.crash.report import Progress, show
from tests.crash.watch import Seen
from tests.crash.world import SOURCE, open_ground, open_world

_BATCH = 40


@dataclass
class Plan:
    """What is still to be tried, shared by the jobs of a run."""

    runs: list[tuple[str, str]]
    options: argparse.Namespace
    points: list[Point] = field(default_factory=list)
    messages: dict[tuple[str, str], list[Seen]] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    progress: Progress = field(default_factory=lambda: Progress(total=0))
    learners: int = 0
    learned: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_over(self) -> bool:
        minutes = self.options.minutes
        return not self.points or (minutes is not None and time.monotonic() > self.options.began + 60 * minutes)

    def next_batch(self) -> list[Point]:
        batch, self.points = self.points[:_BATCH], self.points[_BATCH:]
        return batch

    def make_points(self) -> None:
        """Once all runs are known, lay out the points."""
        options = self.options
        for (name, victim), seen in sorted(self.messages.items()):
            if options.at:
                fault = (options.fault or ["kill"])[0]
                at = Point(operation=name, victim=victim, fault=fault, at=options.at, repeat=not options.alone)  # type: ignore[arg-type]
                self.points.append(at)
            else:
                self.points += every_point(name, victim, seen, options.fault or FAULTS, every=options.every)  # type: ignore[arg-type]
        self.points = shuffled(self.points)
        self.progress.total = len(self.points)
        self.learned.set()


async def run(options: argparse.Namespace) -> list[Result]:
    """Try everything that the options ask for, in as many worlds as there are jobs."""
    runs = [(name, victim) for name in options.operation or OPERATIONS for victim in options.victim or VICTIMS]
    plan = Plan(runs=runs, options=options, learners=options.jobs)
    plan.progress.say(f"starting {options.jobs} PostgreSQL, sandbox, API and worker each")
    await asyncio.gather(*(_job(plan) for _ in range(options.jobs)))
    return plan.results


async def _job(plan: Plan) -> None:
    async with open_ground(plan.options.source) as ground, open_world(ground) as world:
        campaign = Campaign(world=world, tell=plan.progress.count)
        await _learn(plan, campaign)
        while not plan.is_over:
            results = await campaign.run(plan.next_batch())
            plan.progress.judge(results)
            plan.results += results


async def _learn(plan: Plan, campaign: Campaign) -> None:
    """Take runs off the plan and learn their messages; then wait for the other jobs."""
    while plan.runs:
        name, victim = plan.runs.pop()
        seen = await campaign.learn(name, victim)  # type: ignore[arg-type]
        plan.progress.say(f"{name}, {victim}: {len(seen)} messages")
        plan.messages[(name, victim)] = seen
        for number, message in enumerate(seen, 1):
            if plan.options.messages:
                sys.stdout.write(f"{number:4} {message}\n")
    plan.learners -= 1
    if not plan.learners:
        plan.make_points()
    await plan.learned.wait()


async def _try_mutants(source: Path) -> int:
    """Break one rule after the other; answer how many nobody noticed."""
    missed = 0
    async with open_ground(source) as ground:
        for mutant in MUTANTS:
            began = time.monotonic()
            found = await try_mutant(ground, mutant)
            missed += found is None
            said = "NOT NOTICED" if found is None else f"caught in {time.monotonic() - began:.0f} s: {found[:100]}"
            sys.stdout.write(f"{mutant.name}: {said}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(MUTANTS)} broken rules, {len(MUTANTS) - missed} caught\n")
    return missed


def _place(told: str) -> int | Moment:
    return next((moment for moment in MOMENTS if moment == told), None) or int(told)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/crash", description="kills and cuts at every message; see tests/crash/README.md"
    )
    parser.add_argument("--operation", action="append", choices=list(OPERATIONS), help="only this one; may be repeated")
    parser.add_argument("--victim", action="append", choices=VICTIMS, help="whose messages are counted")
    parser.add_argument("--fault", action="append", choices=FAULTS, help="only this one; may be repeated")
    parser.add_argument("--at", type=_place, help="one point: at this message, or at question, answer or commit")
    parser.add_argument("--alone", action="store_true", help="with --at: the client does not repeat its request")
    parser.add_argument("--every", type=int, default=1, help="every n-th message only")
    parser.add_argument("--jobs", type=int, default=1, help="this many stacks side by side")
    parser.add_argument("--minutes", type=float, help="begin no new batch after this time")
    parser.add_argument("--source", type=Path, default=SOURCE, help="run the code in this folder instead of src")
    parser.add_argument("--mutants", action="store_true", help="break rules on purpose and see each noticed")
    parser.add_argument("--messages", action="store_true", help="print the messages of each operation")
    return parser.parse_args(arguments)


def main() -> int:
    """Answer 0 if nothing was violated."""
    options = _options(sys.argv[1:])
    options.began = time.monotonic()
    return asyncio.run(_main(options))


async def _main(options: argparse.Namespace) -> int:
    # A stop from outside ends what was started, as Ctrl-C does.
    task = asyncio.current_task()
    assert task is not None, "asyncio runs this in a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    if options.mutants:
        return await _try_mutants(options.source)
    results = await run(options)
    show(results)
    return 1 if any(result.problems for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
