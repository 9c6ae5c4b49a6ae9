"""The machine in short, its replay scripts, and that it finds a broken rule."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.state.exploring import Exploration
from tests.state.history import History
from tests.state.mutants import MUTANTS
from tests.state.world import World, open_world

# One seed, so that every run tries the same histories; ``python -m tests.state --minutes N`` tries new ones.
SEED = 20261122
SECONDS = float(os.environ.get("PAYWON_STATE_SECONDS", "40"))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One running stack for all histories of this file."""
    with open_world() as world:
        yield world


@pytest.mark.timeout(SECONDS + 300)
@pytest.mark.xdist_group("state")
def test_no_history_leads_astray(world: World, tmp_path: Path) -> None:
    exploration = Exploration(world, SECONDS)
    failure = exploration.run(SEED)
    sys.stdout.write(f"{exploration.told()}; longer: PAYWON_STATE_SECONDS=600, or python -m tests.state --minutes 60\n")
    if failure is not None:
        script = tmp_path / "history.py"
        script.write_text(failure.script, encoding="utf-8")
        pytest.fail(f"{failure.why}\n{script}\n{failure.script}", pytrace=False)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", ["a deposit that the bank took back is kept"])
def test_a_broken_rule_is_found(name: str) -> None:
    with open_world(edits=[MUTANTS[name]]) as world:
        failure = Exploration(world, 60.0, shrink_s=0.0).run(SEED)
    assert failure is not None, "no history showed it"
    assert failure.why


@pytest.mark.xdist_group("state")
def test_a_script_replays_its_history(world: World, tmp_path: Path) -> None:
    history = _some_history(world)
    right = history.journal.script("nothing is wrong")
    wrong = right.replace("'REFUNDED'", "'PAID'")
    assert wrong != right, "the history ends with a refund"
    assert _played(world, tmp_path, right) == (0, "The history went as it must.\n")
    code, said = _played(world, tmp_path, wrong)
    assert code == 1
    assert said.startswith("VIOLATED: order ORD-")
    assert "the order is REFUNDED" in said


@pytest.mark.xdist_group("state")
def test_the_key_of_a_paid_order_pays_no_other(world: World) -> None:
    history = History(world)
    other = history.place(amount=9_900, upto="paid")
    order = history.place(amount=9_900)
    history.confirm_with_strange_key(order, other)
    history.settle()


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
    # A wrong history is judged at once: what it waits for would not come.
    script.write_text(text.replace("wait_s: float = 30.0", "wait_s: float = 3.0"), encoding="utf-8")
    env = {
        "PAYWON_API_URL": world.stack.api_url,
        "PAYWON_API_KEY": world.stack.api_key,
        "PAYWON_SANDBOX_URL": world.stack.sandbox_url,
        "TOSS_PAYMENTS_SECRET_KEY": world.stack.toss_key,
    }
    done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True, timeout=100, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout
