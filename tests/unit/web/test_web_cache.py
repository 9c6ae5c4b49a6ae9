"""The cache: bounded in memory, and a shared store that fails breaks nothing."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from litestar.stores.memory import MemoryStore
from valkey.exceptions import ConnectionError as ValkeyConnectionError

from paywon.web.cache import BoundedMemory, CacheState, Forgiving, freshness, open_cache


async def test_memory_forgets_the_oldest_instead_of_growing() -> None:
    memory = BoundedMemory(100)
    for number in range(1000):
        await memory.set(f"k{number}", b"v", 60)
        kept = [key for key in (f"k{older}" for older in range(number + 1)) if await memory.exists(key)]
        assert len(kept) <= 100
        assert f"k{number}" in kept, "what was just put in is there"


async def test_memory_drops_what_has_expired_before_what_has_not() -> None:
    memory = BoundedMemory(10)
    await memory.set("long", b"v", 60)
    for number in range(9):
        await memory.set(f"short{number}", b"v", timedelta(microseconds=1))
    await asyncio.sleep(0.01)
    await memory.set("new", b"v", 60)
    assert (await memory.get("long"), await memory.get("new")) == (b"v", b"v")


async def test_a_key_that_is_there_takes_no_room() -> None:
    memory = BoundedMemory(2)
    for value in (b"1", b"2", b"3"):
        await memory.set("a", value, 60)
        await memory.set("b", value, 60)
    assert (await memory.get("a"), await memory.get("b")) == (b"3", b"3")


class Failing(MemoryStore):
    """A shared store in trouble: answers by an error, or not at all."""

    __slots__ = ("asked", "trouble")

    def __init__(self, trouble: BaseException | None) -> None:
        super().__init__()
        self.trouble, self.asked = trouble, 0

    async def get(self, key: str, renew_for: int | timedelta | None = None) -> bytes | None:
        self.asked += 1
        if self.trouble is None:
            await asyncio.sleep(60)
        else:
            raise self.trouble
        return None


@pytest.mark.parametrize(
    "trouble",
    [ValkeyConnectionError("gone"), OSError("no route"), TimeoutError(), None],
    ids=lambda it: type(it).__name__,
)
async def test_a_shared_store_that_fails_is_left_alone_for_a_while(trouble: BaseException | None) -> None:
    shared, spare = Failing(trouble), MemoryStore()
    await spare.set("a", b"spare")
    cache = Forgiving(shared, spare=spare, timeout_s=0.05, pause_s=0.2)
    async with asyncio.timeout(1):
        assert [await cache.get("a") for _ in range(50)] == [b"spare"] * 50
    assert shared.asked == 1
    await asyncio.sleep(0.25)
    await cache.get("a")
    assert shared.asked == 2, "it is tried again"


async def test_every_operation_goes_to_the_shared_store_while_it_works() -> None:
    shared, spare = MemoryStore(), MemoryStore()
    cache = Forgiving(shared, spare=spare)
    await cache.set("a", b"1", 60)
    assert (await cache.get("a"), await cache.exists("a"), await spare.exists("a")) == (b"1", True, False)
    assert 0 < (await cache.expires_in("a") or 0) <= 60
    await cache.delete("a")
    assert not await shared.exists("a")
    await cache.set("b", b"1")
    await cache.delete_all()
    assert not await shared.exists("b")


async def test_without_an_address_it_is_memory_and_with_one_nobody_is_called_yet() -> None:
    async with open_cache(None, namespace="x") as cache:
        assert isinstance(cache, BoundedMemory)
    async with open_cache("valkey://127.0.0.1:9/0", namespace="x") as cache:
        await cache.set("a", b"1", 60)
        assert await cache.get("a") == b"1", "memory stands in"


NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def test_age_is_told_in_whole_seconds_and_never_negative() -> None:
    told = freshness(CacheState.HIT, NOW - timedelta(seconds=7.9), now=NOW)
    assert told == {"Paywon-Cache": "hit", "Age": "7"}
    assert freshness(CacheState.MISS, NOW + timedelta(seconds=1), now=NOW)["Age"] == "0"
    assert freshness(CacheState.NONE, None, now=NOW) == {"Paywon-Cache": "none"}
