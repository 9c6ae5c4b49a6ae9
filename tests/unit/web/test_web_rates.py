"""How often a sender may ask: counted by the minute, apart from others, with or without Valkey."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from valkey.exceptions import ConnectionError as ValkeyConnectionError

from paywon.base.errors import PaywonError
from paywon.web.rates import MemoryCounts, Rate, Rates
from paywon.web.spare import WithSpare


@dataclass
class Standing:
    at: datetime = datetime(2026, 11, 22, 3, 0, 50, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class Broken:
    """Counts in a Valkey that is away."""

    asked = 0

    async def add(self, minute: int, sender: str) -> int:
        self.asked += 1
        raise ValkeyConnectionError("gone")


def limits(clock: Standing, **per_minute: int) -> Rates:
    memory = MemoryCounts()
    every = dict.fromkeys(Rate, 0) | {Rate(name): limit for name, limit in per_minute.items()}
    return Rates(counts=WithSpare(memory, memory), clock=clock, per_minute=every)


async def refused(rates: Rates, rate: Rate, sender: str) -> int | None:
    try:
        await rates.spend(rate, sender)
    except PaywonError as error:
        assert error.code == "TOO_MANY_REQUESTS"
        return error.retry_after_s
    return None


async def test_each_sender_has_so_many_requests_a_minute() -> None:
    clock = Standing()
    limited = limits(clock, key=3)
    assert [await refused(limited, Rate.KEY, "a") for _ in range(5)] == [None, None, None, 10, 10]
    assert await refused(limited, Rate.KEY, "b") is None
    clock.at += timedelta(seconds=9)
    assert await refused(limited, Rate.KEY, "a") == 1
    clock.at += timedelta(seconds=1)
    assert [await refused(limited, Rate.KEY, "a") for _ in range(4)] == [None, None, None, 60]


async def test_zero_is_no_limit() -> None:
    limited = limits(Standing())
    assert {await refused(limited, Rate.USER, "a") for _ in range(100)} == {None}


async def test_a_valkey_that_is_away_refuses_nobody_and_counts_go_on_here() -> None:
    broken = Broken()
    limited = Rates(counts=WithSpare(broken, MemoryCounts()), clock=Standing(), per_minute=dict.fromkeys(Rate, 2))
    assert [await refused(limited, Rate.KEY, "a") for _ in range(4)] == [None, None, 10, 10]
    assert broken.asked == 1, "it is left alone for a while"


async def test_memory_does_not_grow_with_the_number_of_senders() -> None:
    counts = MemoryCounts(most=100)
    for number in range(950):
        assert await counts.add(1, f"sender {number}") == 1
    assert await counts.add(1, "sender 949") == 2
    assert await counts.add(1, "sender 0") == 1, "long forgotten"


async def test_a_flood_from_many_addresses_makes_nobody_elses_minute_begin_anew() -> None:
    counts = MemoryCounts(most=100)
    assert [await counts.add(1, sender) for sender in ("key:a", "key:a", "user:b")] == [1, 2, 1]
    for number in range(1000):
        await counts.add(1, f"webhook:203.0.113.{number}")
        await counts.add(1, f"address:203.0.113.{number}")
    assert [await counts.add(1, sender) for sender in ("key:a", "user:b")] == [3, 2]


async def test_many_at_once_are_each_counted() -> None:
    counts = MemoryCounts()
    assert sorted(await asyncio.gather(*(counts.add(1, "a") for _ in range(50)))) == list(range(1, 51))
