"""The short version of ``script/crash``: the points that differ most, for each operation."""

from collections.abc import AsyncIterator

import pytest

from tests.crash.campaign import Campaign
from tests.crash.mutants import MUTANTS, Mutant, try_mutant
from tests.crash.operations import OPERATIONS, open_doors
from tests.crash.points import Victim, telling_points
from tests.crash.report import violation
from tests.crash.world import Ground, open_ground, open_world


@pytest.fixture
async def ground() -> AsyncIterator[Ground]:
    """A PostgreSQL and a sandbox that only this test harms."""
    async with open_ground() as ground:
        yield ground


@pytest.mark.timeout(300)
@pytest.mark.parametrize("victim", ["api", "worker"])
async def test_no_fault_breaks_the_books(ground: Ground, victim: Victim) -> None:
    async with open_world(ground) as world:
        assert await open_doors(world) == list(OPERATIONS)
        campaign = Campaign(world=world)
        points = [
            point
            for name in OPERATIONS
            for point in telling_points(name, victim, await campaign.learn(name, victim, times=1))
        ]
        results = await campaign.run(points)
    struck = [result for result in results if result.hit is not None]
    wrong = [violation(result) for result in results if result.problems]
    assert not wrong, "\n".join(wrong)
    assert len(struck) > 0.9 * len(points), "too many points were not reached"


@pytest.mark.parametrize("mutant", MUTANTS[:1], ids=lambda mutant: mutant.name)
async def test_a_broken_rule_is_noticed(ground: Ground, mutant: Mutant) -> None:
    assert await try_mutant(ground, mutant) is not None
