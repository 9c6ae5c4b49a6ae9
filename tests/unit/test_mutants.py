"""The broken rules of both harnesses still fit the code; whether each is caught, tests/crash and tests/state show."""

import pytest

from tests.crash.mutants import MUTANTS as OF_CRASHES
from tests.crash.world import SOURCE
from tests.state.mutants import MUTANTS as OF_HISTORIES
from tests.state.mutants_outside import OUTSIDE as OF_SURROUNDINGS
from tests.support.edits import Edit

ALL = (*OF_CRASHES, *OF_HISTORIES, *OF_SURROUNDINGS)
EDITS = {f"{mutant.name}, {number}": edit for mutant in ALL for number, edit in enumerate(mutant.edits, 1)}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_a_mutant_replaces_is_there_once(edit: Edit) -> None:
    assert (SOURCE / edit.file).read_text(encoding="utf-8").count(edit.old) == 1, "adapt the mutant to the code"


def test_every_mutant_breaks_something() -> None:
    assert all(mutant.edits or mutant.sql for mutant in ALL)
    names = [mutant.name for mutant in ALL]
    assert len(set(names)) == len(names) >= 5
