"""Who asks the same at once shares one answer, and nobody's leaving takes it from the others."""

import asyncio

import pytest

from paywon.base.flight import OneFlight


class Work:
    """Counts how often it was begun, and ends when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()

    async def __call__(self) -> str:
        self.begun += 1
        await self.may_end.wait()
        return f"answer {self.begun}"


async def test_all_share_one_answer_and_the_next_one_asks_anew() -> None:
    flight: OneFlight[str, str] = OneFlight()
    work = Work()
    waiting = [asyncio.create_task(flight.share("a", work)) for _ in range(5)]
    await asyncio.sleep(0)
    work.may_end.set()
    assert await asyncio.gather(*waiting) == ["answer 1"] * 5
    assert await flight.share("a", work) == "answer 2"


async def test_different_things_are_asked_apart() -> None:
    flight: OneFlight[str, str] = OneFlight()
    work = Work()
    work.may_end.set()
    await asyncio.gather(flight.share("a", work), flight.share("b", work))
    assert work.begun == 2


async def test_a_caller_who_leaves_takes_nothing_from_the_others() -> None:
    flight: OneFlight[str, str] = OneFlight()
    work = Work()
    leaving, staying = (asyncio.create_task(flight.share("a", work)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    work.may_end.set()
    assert await staying == "answer 1"
    assert leaving.cancelled()


async def test_an_error_is_told_to_all_and_kept_for_nobody() -> None:
    flight: OneFlight[str, str] = OneFlight()

    async def fail() -> str:
        await asyncio.sleep(0)
        raise ValueError("no")

    told = await asyncio.gather(*(flight.share("a", fail) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in told] == [ValueError] * 3
    with pytest.raises(ValueError, match="no"):
        await flight.share("a", fail)
