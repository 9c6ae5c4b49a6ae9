"""A cache that never breaks a request: Valkey (or Redis) where REDIS_URL names one, else this process's memory.

Both are Litestar stores, so whatever of Litestar takes a store takes this one. What stands in it may be gone at any
moment; nothing that has to be right may depend on it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from litestar.stores.base import Store
from litestar.stores.memory import MemoryStore
from litestar.stores.valkey import ValkeyStore

from paywon.web.spare import PAUSE_S, TIMEOUT_S, WithSpare, connect

MAX_ENTRIES: Final = 10_000
"""What one process keeps in memory at most; an entry of ours has a few hundred bytes."""


class CacheState(StrEnum):
    """What ``Paywon-Cache`` says of an answer that needs Toss.

    ``miss``: Toss was asked for it; ``hit``: a short while ago; ``stale``: Toss was not heard, this is what was known;
    ``none``: there is nothing that Toss could be asked.
    """

    MISS = "miss"
    HIT = "hit"
    STALE = "stale"
    NONE = "none"


def freshness(state: CacheState, asked_at: datetime | None, *, now: datetime) -> dict[str, str]:
    """Make the headers that tell how old an answer is: ``Paywon-Cache``, and ``Age`` in seconds if it has one."""
    age = {} if asked_at is None else {"Age": str(max(0, int((now - asked_at).total_seconds())))}
    return {"Paywon-Cache": state, **age}


@asynccontextmanager
async def open_cache(url: str | None, *, namespace: str) -> AsyncIterator[Store]:
    """Open the cache that ``url`` names, and close it at the end; None is memory.

    ``namespace`` keeps installations that share a Valkey apart. That Valkey cannot be reached is found out at the
    first use, and is no error.
    """
    memory = BoundedMemory(MAX_ENTRIES)
    if url is None:
        yield memory
        return
    client = connect(url)
    try:
        yield Forgiving(ValkeyStore(client, namespace=namespace), spare=memory)
    finally:
        await client.aclose()


class BoundedMemory(MemoryStore):
    """Litestar's memory store, which by itself keeps what nobody asks for again for ever."""

    __slots__ = ("_most",)

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    async def set(self, key: str, value: str | bytes, expires_in: int | timedelta | None = None) -> None:
        if len(self._store) >= self._most and key not in self._store:
            await self._make_room()
        await super().set(key, value, expires_in)

    async def _make_room(self) -> None:
        """Drop what has expired, then the oldest until a tenth is free: so it is seldom done."""
        await self.delete_expired()
        surplus = len(self._store) - self._most * 9 // 10
        for key in list(self._store)[: max(0, surplus)]:
            await self.delete(key)


class Forgiving(Store):
    """A shared store that may fail: then ``spare`` stands in, and it is tried again after a pause."""

    def __init__(
        self, shared: Store, *, spare: Store, timeout_s: float = 2 * TIMEOUT_S, pause_s: float = PAUSE_S
    ) -> None:
        self._either = WithSpare(shared, spare, timeout_s=timeout_s, pause_s=pause_s)

    async def set(self, key: str, value: str | bytes, expires_in: int | timedelta | None = None) -> None:
        await self._either.ask(lambda store: store.set(key, value, expires_in))

    async def get(self, key: str, renew_for: int | timedelta | None = None) -> bytes | None:
        return await self._either.ask(lambda store: store.get(key, renew_for))

    async def delete(self, key: str) -> None:
        await self._either.ask(lambda store: store.delete(key))

    async def delete_all(self) -> None:
        await self._either.ask(lambda store: store.delete_all())

    async def exists(self, key: str) -> bool:
        return await self._either.ask(lambda store: store.exists(key))

    async def expires_in(self, key: str) -> int | None:
        return await self._either.ask(lambda store: store.expires_in(key))
