"""The short version of ``script/crash``: the points that differ most, for each operation; and broken rules."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.crash.campaign import Campaign
from tests.crash.mutants import MUTANTS, Mutant, try_mutant
from tests.crash.operations import OPERATIONS
from tests.crash.points import FAULTS, telling_points
from tests.crash.report import violation
from tests.crash.world import Ground, open_ground, open_world

# Those that show soon; ``script/crash --mutants`` tries all.
QUICK_MUTANTS = [mutant for mutant in MUTANTS if mutant.patience_s < 10][:5]

pytestmark = [pytest.mark.xdist_group("crash"), pytest.mark.timeout(900)]


@pytest.fixture
async def ground() -> AsyncIterator[Ground]:
    """A PostgreSQL and a sandbox that only this test harms."""
    async with open_ground() as ground:
        yield ground


async def test_no_fault_breaks_the_books(ground: Ground) -> None:
    points = sorted(telling_points(), key=lambda point: point.victim, reverse=True)  # a dead worker's jobs wait longest
    assert {point.operation for point in points} == set(OPERATIONS)
    assert {point.fault for point in points} == set(FAULTS)
    async with open_world(ground) as world:
        results = await Campaign(world=world).run(points)
    wrong = [violation(result) for result in results if result.problems]
    assert not wrong, "\n".join(wrong)
    missed = [str(result.point) for result in results if result.hit is None]
    assert missed == []


async def test_broken_rules_are_noticed(ground: Ground) -> None:
    turns = asyncio.Semaphore(3)  # what they cost is mostly waiting

    async def told(mutant: Mutant) -> str | None:
        async with turns:
            return await try_mutant(ground, mutant)

    found = await asyncio.gather(*map(told, QUICK_MUTANTS))
    assert {mutant.name for mutant, said in zip(QUICK_MUTANTS, found, strict=True) if said is None} == set()
