"""The world that bad requests are sent into: one API process, and a few things that exist in its database."""

import asyncio
import json
import re
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import asyncpg

from paywon.base.catalogue import CATALOGUE
from tests.http.doors import Door
from tests.http.wire import Answer, Wire
from tests.support.stack import Stack

T = TypeVar("T")

OPEN_DOORS: Final = frozenset({"GET /health", "GET /ready", "GET /api/config", "POST /payments/webhook"})

# Doors of writes that read no body.
WITHOUT_BODY: Final = frozenset(
    {
        "POST /api/ops/event-endpoints/{endpoint_id}/test",
        "POST /api/ops/webhooks/{webhook_id}/reprocess",
        "POST /api/orders/{order}/cancel",
    }
)

NOBODYS_ID: Final = "019ab000-0000-7000-8000-000000000000"

# What no caller may see: names of exceptions, of libraries, of modules, and SQL.
_INTERNALS: Final = re.compile(
    r"Traceback|[a-z]Error\b|[a-z]Exception\b|asyncpg|msgspec|litestar|paywon\.|psql|"
    r"\b(SELECT|INSERT|UPDATE|DELETE) |File \"|\.py\b|object at 0x|dict\[|NoneType|\bdata: "
)
# That a key was used is noted whatever came of it.
_ROW: Final = "(to_jsonb(t) - 'last_used_at')::text"
_HANGUL: Final = re.compile(r"[가-힣]")


class Loop:
    """An event loop for set-up, next to tests that are not asynchronous."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    def close(self) -> None:
        self._loop.close()


class Ledger:
    """All rows of all tables, as one value: what was written shows, also where no row was added.

    They are read anew only where PostgreSQL has begun or ended a transaction that writes, anywhere, since they were.
    """

    def __init__(self, loop: Loop, database_url: str) -> None:
        self._loop = loop
        self._conn: asyncpg.Connection[Any] = loop.run(asyncpg.connect(database_url))
        tables = loop.run(self._conn.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        # How many webhooks were not taken is written down some seconds later, whatever is asked then.
        self.tables = sorted(row["tablename"] for row in tables if row["tablename"] != "webhook_refusals")
        self._snapshot: str | None = None
        self._rows: list[tuple[str, int, str | None]] = []
        self._query = " UNION ALL ".join(
            f"SELECT '{table}', count(*), md5(string_agg({_ROW}, '|' ORDER BY {_ROW})) FROM \"{table}\" t"  # noqa: S608
            for table in self.tables
        )

    def read(self) -> list[tuple[str, int, str | None]]:
        snapshot = self._loop.run(self._conn.fetchval("SELECT pg_current_snapshot()::text"))
        if snapshot != self._snapshot:
            self._rows = [tuple(row) for row in self._loop.run(self._conn.fetch(self._query))]
            self._snapshot = snapshot
        return self._rows

    def run_once(self, query: str) -> int:
        """Run a query past all our code; answer how many rows came back."""
        return len(self._loop.run(self._conn.fetch(query)))

    def close(self) -> None:
        self._loop.run(self._conn.close())


@dataclass(kw_only=True)
class World:
    """``known`` holds a value for each path parameter, ``keys`` API keys by what is the matter with them."""

    wire: Wire
    ledger: Ledger
    stack: Stack
    keys: dict[str, str]
    known: dict[str, str]
    bodies: dict[str, dict[str, Any]]
    tried: int = 0

    def target(self, door: Door, **instead: str) -> str:
        """The door's address with values that exist in its path, as far as the world has such things."""
        names = [item.path[0] for item in door.in_path]
        return door.path.format(**{name: self.known.get(name, NOBODYS_ID) for name in names} | instead)

    def body(self, door: Door) -> dict[str, Any]:
        """The door's published example, about things that exist."""
        assert door.example is not None
        return {**door.example, **self.bodies.get(str(door), {})}

    def good(self, door: Door) -> bytes | None:
        return json.dumps(self.body(door)).encode() if door.fields else None

    def refused(self, door: Door | None, method: str, target: str | bytes, *rest: Any, **options: Any) -> Answer:
        """Send what must be refused; see that it is, by a problem document, and that nothing was written."""
        before = self.ledger.read()
        answer = self.wire.send(method, target, *rest, **options)
        assert self.ledger.read() == before, f"written by what was answered {answer.status}: {method} {target!r}"
        check_problem(answer)
        self.tried += 1
        if door is not None:
            assert answer.status in (404, 405) or str(answer.status) in door.operation["responses"], "undeclared"
        return answer


def check_problem(answer: Answer, *, english: bool = False, head: bool = False) -> None:
    """See that an answer is a problem document as ADR 0013 has it, and shows nothing of the inside."""
    assert 400 <= answer.status < 500 or answer.status in (502, 503), (answer.status, answer.body[:500])
    assert answer.media_type == "application/problem+json", (answer.status, answer.headers)
    if head:
        return
    document = answer.json()
    code = document["code"]
    assert document["status"] == answer.status == CATALOGUE[code].kind.value
    assert document["type"] == f"urn:paywon:error:{code}"
    assert document["title"]
    assert document["message"] == document["detail"]
    assert len(answer.body) < 2000
    blank = document["message"].replace(document.get("field", "\x00"), "")
    assert not _INTERNALS.search(blank), document
    assert "{" not in blank, document
    assert bool(_HANGUL.search(blank)) is not english, document
