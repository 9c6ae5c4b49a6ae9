"""The machine in short, its replay scripts, and that it finds broken rules."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.state.exploring import Exploration
from tests.state.history import History
from tests.state.mutants import MUTANTS as WITHIN
from tests.state.mutants import Mutant
from tests.state.mutants_outside import OUTSIDE
from tests.state.replay import SurpriseError
from tests.state.world import Floor, World, open_floor

# One seed, so that every run tries the same histories; ``script/histories`` tries new ones.
SEED = 20261122
HISTORIES = int(os.environ.get("PAYWON_HISTORIES", "12"))

MUTANTS = (*WITHIN, *OUTSIDE)

pytestmark = [pytest.mark.xdist_group("state"), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def floor() -> Iterator[Floor]:
    """A PostgreSQL and a sandbox for all worlds of this file."""
    with open_floor() as floor:
        yield floor


@pytest.fixture(scope="module")
def world(floor: Floor) -> Iterator[World]:
    """One running stack for all histories on right code."""
    with floor.open_world() as world:
        yield world


@pytest.fixture(scope="module")
def broken_world(floor: Floor) -> Iterator[World]:
    """The same with every rule of ``mutants`` broken; ``mutants`` says why that tells as much as one at a time."""
    edits = [edit for mutant in MUTANTS for edit in mutant.edits]
    with floor.open_world(edits=edits, sql=[statement for mutant in MUTANTS for statement in mutant.sql]) as world:
        yield world


def test_no_history_leads_astray(world: World, tmp_path: Path) -> None:
    exploration = Exploration(world, at_most=HISTORIES)
    failure = exploration.run(SEED)
    sys.stdout.write(f"{exploration.told()}; more: PAYWON_HISTORIES=500, or script/histories --minutes 60\n")
    if failure is not None:
        script = tmp_path / "history.py"
        script.write_text(failure.script, encoding="utf-8")
        pytest.fail(f"{failure.why}\n{script}\n{failure.script}", pytrace=False)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_broken_rule_is_noticed(broken_world: World, mutant: Mutant) -> None:
    with pytest.raises(SurpriseError) as surprise:
        mutant.tell(History(broken_world))
    assert mutant.shows in str(surprise.value)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_nothing_is_noticed_of_the_rule_unbroken(world: World, mutant: Mutant) -> None:
    mutant.tell(History(world))
    world.end()


def test_the_machine_finds_a_broken_rule_by_itself(broken_world: World) -> None:
    """All rules are broken, so that one of the first histories must show it."""
    failure = Exploration(broken_world, at_most=HISTORIES, shrink_s=0.0).run(SEED)
    assert failure is not None, "no history showed it"
    assert "def history(stage: Stage) -> None:" in failure.script


def test_a_script_replays_its_history(world: World, tmp_path: Path) -> None:
    history = _some_history(world)
    right = history.journal.script("nothing is wrong")
    wrong = right.replace("'REFUNDED'", "'PAID'")
    assert wrong != right, "the history ends with a refund"
    assert _played(world, tmp_path, right) == (0, "The history went as it must.\n")
    # A wrong history is judged at once: what it waits for would not come.
    code, said = _played(world, tmp_path, wrong.replace("wait_s: float = 30.0", "wait_s: float = 1.0"))
    assert code == 1
    assert said.startswith("VIOLATED: order ORD-")
    assert "the order is REFUNDED" in said


def _some_history(world: World) -> History:
    """Play a history with an unknown answer, a bank and a refund."""
    history = History(world)
    order = history.place(amount=9_900, capsule=True, upto="authenticated")
    history.trouble(kind="drop_reply", path="/v1/payments/confirm")
    history.confirm(order, order.windows[0])
    history.settle()
    account = history.place(amount=50_000, tax_free=300, upto="deposited")
    history.settle()
    history.reverse(account)
    history.refund(order)
    history.repeat()
    history.settle()
    world.end()
    return history


def _played(world: World, folder: Path, text: str) -> tuple[int, str]:
    """Run a script as somebody would who was handed it; answer its exit code and what it says."""
    script = folder / "history.py"
    script.write_text(text, encoding="utf-8")
    env = {
        "PAYWON_API_URL": world.stack.api_url,
        "PAYWON_API_KEY": world.stack.api_key,
        "PAYWON_SANDBOX_URL": world.stack.sandbox_url,
        "TOSS_PAYMENTS_SECRET_KEY": world.stack.toss_key,
    }
    done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True, timeout=100, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout
