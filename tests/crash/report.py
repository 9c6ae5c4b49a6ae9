"""What a run says while it goes on and when it is over."""

import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from tests.crash.points import Result


@dataclass
class Progress:
    """Counts points, and says every few seconds how far it has come."""

    total: int
    every_s: float = 5.0
    tried: int = 0
    violations: int = 0
    _began: float = field(default_factory=time.monotonic)
    _said: float = 0.0

    def count(self, _what: object = None) -> None:
        self.tried += 1
        now = time.monotonic()
        if now - self._said >= self.every_s:
            self._said = now
            self.say(f"{self.tried}/{self.total} points, {self.violations} violations")

    def say(self, line: str) -> None:
        elapsed = time.strftime("%H:%M:%S", time.gmtime(time.monotonic() - self._began))
        sys.stderr.write(f"{elapsed}  {line}\n")
        sys.stderr.flush()

    def judge(self, results: Sequence[Result]) -> None:
        """Tell of violations at once, with the line that repeats each."""
        for result in results:
            if result.problems:
                self.violations += 1
                self.say(violation(result))


def violation(result: Result) -> str:
    """Say what was wrong and how to repeat it."""
    where = f"message {result.hit}: {result.message}" if result.hit else "no message was struck"
    wrong = "".join(f"\n    - {problem}" for problem in result.problems)
    return f"VIOLATION at {where}{wrong}\n    script/crash {result.point}"


def show(results: Sequence[Result]) -> None:
    """Print the table of operation by fault, and the sum."""
    table = Table(title="crash points")
    for name in ("operation", "victim", "fault", "tried", "not reached", "violations", "median s", "p99 s"):
        table.add_column(name, justify="left" if name in ("operation", "victim", "fault") else "right")
    groups: dict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for result in results:
        groups[(result.point.operation, result.point.victim, result.point.fault)].append(result)
    for key in sorted(groups):
        table.add_row(*key, *_figures(groups[key]))
    table.add_section()
    table.add_row("all", "", "", *_figures(results))
    Console(width=110).print(table)
    sys.stdout.write(f"{summary(results)}\n")


def summary(results: Sequence[Result]) -> str:
    """Say in a line what was tried and what came of it."""
    hit = [result.point for result in results if result.hit is not None]
    struck, _, wrong, middle, high = _figures(results)
    places = len({(point.operation, point.victim, point.at) for point in hit})
    operations, faults = len({point.operation for point in hit}), len({point.fault for point in hit})
    times = f"; at rest again after {middle} s (median), {high} s (p99)" if middle else ""
    return (
        f"{struck} faults of {faults} kinds at {places} messages of {operations} operations: {wrong} violations{times}"
    )


def _figures(results: Sequence[Result]) -> list[str]:
    struck = [result for result in results if result.hit is not None]
    wrong = sum(bool(result.problems) for result in results)
    times = sorted(result.resolved_s for result in struck if result.resolved_s is not None)
    middle, high = (f"{statistics.median(times):.2f}", f"{_p99(times):.2f}") if times else ("", "")
    return [str(len(struck)), str(len(results) - len(struck)), str(wrong), middle, high]


def _p99(times: Sequence[float]) -> float:
    return times[min(len(times) - 1, round(0.99 * (len(times) - 1)))]
