"""Explores histories from seeds, so many or for so long, and keeps the shortest that fails."""

import math
import time
from dataclasses import dataclass, field
from typing import Final

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.state.history import History
from tests.state.machine import Failure, Shop
from tests.state.world import World

STEPS: Final = 18
# The first example of a seed is the smallest one, the second is a fresh one, and from the third on they resemble each
# other: with histories as dear as these, a new seed tells more.
_PER_SEED: Final = 2


class TimeIsUp(KeyboardInterrupt):
    """Ends an exploration between two histories, as Ctrl-C would: Hypothesis takes any other error for a finding."""


@dataclass
class Exploration:
    """What was tried: no more than ``at_most`` histories, none begun after ``seconds``.

    A failing history is shortened for ``shrink_s`` before the exploration ends.
    """

    world: World
    at_most: float = math.inf
    seconds: float = math.inf
    shrink_s: float = 60.0
    histories: int = 0
    calls: int = 0
    failure: Failure | None = None
    began: float = field(default_factory=time.monotonic)
    _shrunk_at: float = math.inf

    def run(self, first_seed: int) -> Failure | None:
        """Explore from this seed on, and answer the shortest history that failed."""
        number = first_seed
        try:
            while self.failure is None:
                self._explore(number)
                number += 1
        except TimeIsUp:
            pass
        return self.failure

    @property
    def is_over(self) -> bool:
        if self.failure is not None:
            return time.monotonic() > self._shrunk_at
        return self.histories >= self.at_most or self.elapsed_s > self.seconds

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.began

    def told(self) -> str:
        """Sum up in a line."""
        violations = 0 if self.failure is None else 1
        return f"{self.histories} histories, {self.calls} steps in {self.elapsed_s:.0f} s; {violations} violations"

    def _explore(self, number: int) -> None:
        @seed(number)
        def shop() -> Shop:
            if self.is_over:
                raise TimeIsUp
            return Shop(self.world, found=self._found, played=self._played)

        chosen = settings(
            max_examples=_PER_SEED,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
            print_blob=False,
        )
        try:
            run_state_machine_as_test(shop, settings=chosen)  # type: ignore[arg-type]
        except Exception:
            if self.failure is None:
                raise  # the machine itself is broken

    def _found(self, failure: Failure) -> None:
        if self.failure is None:
            self._shrunk_at = time.monotonic() + self.shrink_s
        if self.failure is None or failure.calls < self.failure.calls:
            self.failure = failure

    def _played(self, history: History) -> None:
        self.histories += 1
        self.calls += history.journal.calls
