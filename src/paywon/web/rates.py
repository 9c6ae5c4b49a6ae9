"""How many requests a minute one sender may make: an API key, an app's user, or whoever shows neither.

Litestar's own RateLimitMiddleware is not used: it keeps every request of the minute as a list that is read and written
whole each time, under one lock a process, and two processes lose each other's counts (litestar issue 4700). Here each
request is one atomic INCR.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

from litestar.connection import ASGIConnection
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from valkey.asyncio import Valkey

from paywon.base.clock import Clock
from paywon.base.errors import PaywonError
from paywon.web.address import client_address, network_of
from paywon.web.spare import WithSpare, connect

MINUTE_S: Final = 60
MAX_SENDERS: Final = 50_000
"""How many senders of a kind a process tells apart in memory; beyond that the minute begins anew for that kind."""

RATE: Final = "rate_of_strangers"
"""A handler's option: the ``Rate`` that its callers without credentials are held to; None for no limit."""


class Rate(StrEnum):
    """Whose requests are counted together."""

    KEY = "key"
    USER = "user"
    ADDRESS = "address"
    WEBHOOK = "webhook"


class Counts(Protocol):
    """What counts."""

    async def add(self, minute: int, sender: str) -> int:
        """Count one more request of a sender in a minute; answer how many that makes."""
        ...


class MemoryCounts:
    """Counts of this process; only of the minute that runs.

    Kinds of senders (``key:…``, ``user:…``, ``address:…``) are kept apart: whoever floods from very many addresses
    makes the addresses begin anew, and nobody else.
    """

    def __init__(self, most: int = MAX_SENDERS) -> None:
        self._most, self._minute = most, 0
        self._counted: defaultdict[str, Counter[str]] = defaultdict(Counter)

    async def add(self, minute: int, sender: str) -> int:
        if minute != self._minute:
            self._minute = minute
            self._counted.clear()
        kind, colon, _ = sender.partition(":")
        of_kind = self._counted[kind if colon else ""]
        if len(of_kind) >= self._most and sender not in of_kind:
            of_kind.clear()
        of_kind[sender] += 1
        return of_kind[sender]


class ValkeyCounts:
    """Counts that all processes share."""

    def __init__(self, client: Valkey, *, namespace: str) -> None:
        self._client, self._namespace = client, namespace

    async def add(self, minute: int, sender: str) -> int:
        name = f"{self._namespace}:rate:{minute}:{sender}"
        async with self._client.pipeline(transaction=False) as both:
            # Clocks differ: a minute is kept until it is over everywhere.
            both.incr(name)
            both.expire(name, 2 * MINUTE_S)
            counted, _ = await both.execute()
        return int(counted)


@asynccontextmanager
async def open_counts(url: str | None, *, namespace: str) -> AsyncIterator[WithSpare[Counts]]:
    """Open the counts in the Valkey of ``url``, and close them at the end; None is this process's memory."""
    memory: Counts = MemoryCounts()
    if url is None:
        yield WithSpare(memory, memory)
        return
    client = connect(url)
    try:
        yield WithSpare[Counts](ValkeyCounts(client, namespace=namespace), memory)
    finally:
        await client.aclose()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Who may ask how often; ``per_minute`` 0 is no limit."""

    counts: WithSpare[Counts]
    clock: Clock
    per_minute: Mapping[Rate, int]

    async def spend(self, rate: Rate, sender: str) -> None:
        """Count one request.

        Raises:
            PaywonError: TOO_MANY_REQUESTS, and in how many seconds the next minute begins.
        """
        limit = self.per_minute[rate]
        if not limit:
            return
        minute, elapsed_s = divmod(int(self.clock.now().timestamp()), MINUTE_S)
        if await self.counts.ask(lambda counts: counts.add(minute, sender)) > limit:
            raise PaywonError("TOO_MANY_REQUESTS", retry_after_s=MINUTE_S - elapsed_s)

    async def spend_as_stranger(self, connection: ASGIConnection[Any, Any, Any, Any], rate: Rate) -> None:
        """Count one request of somebody who showed no credentials, or none that hold; raises as ``spend``."""
        await self.spend(rate, f"{rate}:{network_of(client_address(connection))}")


class LimitStrangers(ASGIMiddleware):
    """Counts what comes through a door without authentication; behind it, whoever was recognised was counted there."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        rate: Rate | None = scope["route_handler"].opt.get(RATE, Rate.ADDRESS)
        if scope.get("user") is None and rate is not None:
            rates: Rates = scope["litestar_app"].state.rates
            await rates.spend_as_stranger(ASGIConnection(scope), rate)
        await next_app(scope, receive, send)
