"""What a run says while it goes on, and the table at its end."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bench.faulted.books import Findings
from bench.faulted.callers import Run
from bench.faulted.plan import Door
from bench.faulted.world import SETTINGS, Cost
from rich.console import Console
from rich.table import Table

_SHOWN: Final = 20
_WIDTH: Final = 110


@dataclass(kw_only=True)
class Story:
    """All that a run has shown."""

    runs: list[Run]
    findings: Findings
    told: Counter[str]
    faults: Counter[str]
    unused_faults: int
    seconds: float
    settled_s: float
    killed: list[str]
    costs: tuple[dict[str, Cost], dict[str, Cost]]
    """Before the first caller and after the last."""
    webhooks: dict[str, int]
    log: list[dict[str, Any]]
    own_checks: list[str] = field(default_factory=list)

    @property
    def violations(self) -> int:
        return len(self.findings.wrong)


def say(line: str) -> None:
    """One line of progress."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {line}\n")
    sys.stderr.flush()


def show(story: Story) -> None:
    """Print the table and what belongs to it."""
    console = Console(width=_WIDTH, highlight=False)
    console.print(_table(story))
    for line in _lines(story):
        console.print(line, markup=False, soft_wrap=True)
    for about, problems in list(story.findings.wrong.items())[:_SHOWN]:
        console.print(f"VIOLATION {about}", markup=False, soft_wrap=True)
        for problem in problems[:_SHOWN]:
            console.print(f"    {problem}", markup=False, soft_wrap=True)
    console.print(f"violations: {story.violations:,}", markup=False)


def _table(story: Story) -> Table:
    table = Table(title="from the caller's first request until our books showed the end, in seconds")
    table.add_column("")
    for name in ("payments", "not resolved", "p50", "p95", "max"):
        table.add_column(name, justify="right")
    faulty = [run for run in story.runs if run.errand.trouble is not None]
    others = [run for run in story.runs if run.errand.trouble is None]
    kinds: dict[str, list[Run]] = {}
    for run in faulty:
        assert run.errand.trouble is not None
        kinds.setdefault(run.errand.trouble.name, []).append(run)
    for name in sorted(kinds):
        table.add_row(name, *_figures(kinds[name]))
    table.add_section()
    table.add_row("all with a fault", *_figures(faulty))
    table.add_row("none, paid in the window", *_figures(run for run in others if run.errand.door is not Door.ACCOUNT))
    table.add_row("none, virtual account", *_figures(run for run in others if run.errand.door is Door.ACCOUNT))
    table.add_section()
    table.add_row("all", *_figures(story.runs))
    return table


def _figures(runs: Iterable[Run]) -> list[str]:
    runs = list(runs)
    times = sorted(took for run in runs if (took := run.took_s) is not None)
    found = [f"{_at(times, part):.2f}" for part in (0.50, 0.95, 1)] if times else ["", "", ""]
    return [f"{len(runs):,}", f"{len(runs) - len(times):,}", *found]


def _at(times: Sequence[float], part: float) -> float:
    return times[min(len(times) - 1, int(len(times) * part))]


def _lines(story: Story) -> Iterable[str]:
    findings = story.findings
    yield (
        f"{len(story.runs):,} payments in {story.seconds:.1f} s: {len(story.runs) / story.seconds:.1f} a second; "
        f"all quiet {story.settled_s:.1f} s after the last caller"
    )
    yield (
        f"compared one by one: {findings.compared:,}; won in our books {findings.won_ours:,}, "
        f"in the sandbox's {findings.won_theirs:,}"
    )
    yield f"faults played by the sandbox: {_counted(story.faults)}; ordered and never struck: {story.unused_faults}"
    yield f"killed with SIGKILL and started again: {', '.join(story.killed) or 'nothing'}"
    yield f"callers were told, beside plain success: {_counted(story.told)}"
    yield f"webhooks: {_counted(Counter(story.webhooks))}"
    yield f"warnings and errors in the logs: {_counted(Counter(_event(line) for line in story.log))}"
    before, after = story.costs
    grown = (f"{name} {before[name].resident_mb:.0f} → {after[name].resident_mb:.0f}" for name in _ours(after))
    yield f"memory (RSS with children, MB, before → after): {', '.join(grown)}"
    yield f"CPU s since the start of each: {', '.join(f'{name} {cost.cpu_s:.0f}' for name, cost in after.items())}"
    yield from story.own_checks
    yield f"settings: {' '.join(f'{name}={value}' for name, value in SETTINGS.items())}"
    yield f"machine: {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def _ours(costs: dict[str, Cost]) -> list[str]:
    """All but PostgreSQL, whose processes share their memory."""
    return [name for name in costs if name != "postgres"]


def _event(line: dict[str, Any]) -> str:
    return f"{line['process']}: [{line['level']}] {line['event']}"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{what} × {count:,}" for what, count in sorted(counts.items())) or "nothing"
