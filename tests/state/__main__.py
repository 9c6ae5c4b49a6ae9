"""``script/histories``: explores histories that nobody has tried before."""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from tests.state.exploring import Exploration
from tests.state.history import History
from tests.state.machine import Failure
from tests.state.mutants import MUTANTS as WITHIN
from tests.state.mutants import Mutant
from tests.state.mutants_outside import OUTSIDE
from tests.state.replay import SurpriseError
from tests.state.world import Floor, World, open_floor

MUTANTS = (*WITHIN, *OUTSIDE)
# A broken rule that this many histories do not show has to be shown by one that was made for it.
_HISTORIES_FOR_A_MUTANT = 400
# Some rules show only where a look comes before something else, which a busy machine may turn round.
_PLAYS = 3


def main() -> int:
    """Answer 0 if nothing was violated; with ``--mutants``, if every broken rule was found."""
    options = _options()
    first = options.seed if options.seed is not None else secrets.randbelow(2**32)
    _say(f"seed {first}")
    with open_floor() as floor:
        broken = [mutant for mutant in MUTANTS if options.only in mutant.name]
        explore_s = 60 * options.minutes
        return _find_mutants(floor, first, broken, explore_s) if options.mutants else _explore(floor, first, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/histories", description="see tests/state/README.md")
    parser.add_argument(
        "--minutes",
        type=float,
        default=10.0,
        help="begin no new history after this time; with --mutants for each rule, 0 for its own only",
    )
    parser.add_argument("--seed", type=int, help="the seed to begin with; a fresh one if it is left out")
    parser.add_argument("--shrink-minutes", type=float, default=5.0, help="how long a failing history is shortened")
    parser.add_argument("--skew", type=int, default=0, help="seconds: the API's host is ahead, the worker's behind")
    parser.add_argument("--mutants", action="store_true", help="break rules on purpose and find a history for each")
    parser.add_argument("--only", default="", help="with --mutants: only the rules with these words in their names")
    return parser.parse_args()


def _explore(floor: Floor, first: int, options: argparse.Namespace) -> int:
    with floor.open_world(skew_s=options.skew) as world:
        exploration = Exploration(world, seconds=60 * options.minutes, shrink_s=60 * options.shrink_minutes)
        failure = exploration.run(first)
    if failure is not None:
        _say(_kept(failure))
    _say(exploration.told())
    return 0 if failure is None else 1


def _find_mutants(floor: Floor, first: int, broken: list[Mutant], explore_s: float) -> int:
    """Break one rule after the other and leave the machine to find a history; answer how many nothing showed."""
    missed = 0
    for mutant in broken:
        with floor.open_world(edits=mutant.edits, sql=mutant.sql) as world:
            own = _shown_by_its_own(world, mutant)
            exploration = Exploration(world, at_most=_HISTORIES_FOR_A_MUTANT, seconds=explore_s, shrink_s=0)
            failure = exploration.run(first)
        missed += not own
        found = "only by its own history" if failure is None else f"found: {failure.why[:100]}"
        _say(f"{mutant.name}: {found if own else 'NOT SHOWN by its own history'}; {exploration.told()}")
    _say(f"{len(broken)} broken rules, {len(broken) - missed} shown")
    return missed


def _shown_by_its_own(world: World, mutant: Mutant) -> bool:
    """Play the history that was made for a rule, with that rule alone broken.

    It has to show what the rule says, or what it says of itself where no other rule is broken beside it.
    """
    for _ in range(_PLAYS):
        try:
            mutant.tell(History(world))
        except SurpriseError as surprise:
            if (mutant.alone or mutant.shows) in str(surprise):
                return True
    return False


def _kept(failure: Failure) -> str:
    script = Path(tempfile.mkdtemp(prefix="paywon-history-")) / "history.py"
    script.write_text(failure.script, encoding="utf-8")
    return f"{failure.why}\n{script}\n\n{failure.script}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
