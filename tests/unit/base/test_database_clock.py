"""The database's time, counted on by a process whose own clock says something else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from paywon.db.clock import DatabaseClock


class Server:
    """A database that says what it is told to, some while after it was asked; time passes by its ticks."""

    def __init__(self) -> None:
        self.at, self.ahead_s, self.takes_s = 1000.0, 60.0, (0.002, 0.002)

    def ticks(self) -> float:
        return self.at

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["Server"]:
        yield self

    async def fetchval(self, _query: str) -> float:
        self.at += self.takes_s[0]
        said = self.at + self.ahead_s
        self.at += self.takes_s[1]
        return said


async def measured(server: Any) -> DatabaseClock:
    clock = DatabaseClock(server.ticks)
    await clock.measure(server)
    return clock


def error_s(clock: DatabaseClock, server: Server) -> float:
    return clock.now().timestamp() - (server.at + server.ahead_s)


async def test_it_shows_the_databases_time_whatever_the_host_shows() -> None:
    server = Server()
    clock = await measured(server)
    server.at += 3600
    assert error_s(clock, server) == pytest.approx(0, abs=0.001)


async def test_a_slow_answer_moves_it_no_further_than_it_proves() -> None:
    server = Server()
    clock = await measured(server)
    server.takes_s = (0.0, 20.0)  # its middle would be ten seconds wrong
    await clock.measure(server)  # type: ignore[arg-type]
    assert error_s(clock, server) == pytest.approx(0, abs=0.005)


async def test_it_follows_when_the_databases_clock_is_set() -> None:
    server = Server()
    clock = await measured(server)
    server.ahead_s -= 90
    await clock.measure(server)  # type: ignore[arg-type]
    assert error_s(clock, server) == pytest.approx(0, abs=0.005)
