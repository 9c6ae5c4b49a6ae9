"""Looking at the invariants: one after another, each in a short transaction of its own that can only read."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import structlog

from paywon.base.clock import Clock
from paywon.base.ids import new_uuid
from paywon.db.pool import Connection, Database
from paywon.invariants import store
from paywon.invariants.model import HELD_BY_CODE, SAMPLES, Finding, Invariant, Run, Violation, leaks
from paywon.invariants.store import Looked

_log = structlog.get_logger()
TIMED_OUT: Final = f"took longer than {store.STATEMENT_TIMEOUT_S} s"


async def look_at_all(
    db: Database,
    clock: Clock,
    *,
    origin: str,
    on_start: Callable[[Invariant], None] = lambda _: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Run | None:
    """Look at every invariant and keep the run; None if ``stopping`` came true on the way.

    An invariant that cannot be looked at, say because it takes too long, does not keep the others from it.
    """
    started_at = clock.now()
    findings = []
    for invariant in Invariant:
        if stopping():
            return None
        on_start(invariant)
        findings.append(await look_at(db, invariant))
    run = Run(id=new_uuid(), origin=origin, started_at=started_at, finished_at=clock.now(), findings=tuple(findings))
    async with db.transaction() as conn:
        await store.insert_run(conn, run)
    return run


async def patrol(db: Database, clock: Clock, *, stopping: Callable[[], bool]) -> None:
    """Look at every invariant because it is time to, and log what breaks one."""
    run = await look_at_all(db, clock, origin="schedule", stopping=stopping)
    for finding in run.findings if run is not None else ():
        if finding.trouble is not None:
            _log.warning("an invariant could not be looked at", invariant=finding.invariant, trouble=finding.trouble)
        if finding.violations:
            samples = [f"{sample.subject}: {sample.detail}" for sample in finding.samples]
            _log.error("an invariant is broken", invariant=finding.invariant, rows=finding.violations, samples=samples)


async def look_at(db: Database, invariant: Invariant) -> Finding:
    """Look at one invariant as the database is now."""
    if invariant in HELD_BY_CODE:
        return Finding(invariant=invariant, checked=None)
    began = time.perf_counter()
    try:
        async with _reading(db) as conn:
            looked = await look_within(conn, invariant)
    except (asyncpg.QueryCanceledError, TimeoutError):
        looked = Looked(checked=None, trouble=TIMED_OUT)
    except asyncpg.PostgresError as error:
        looked = Looked(checked=None, trouble=f"{type(error).__name__}: {error}")
    return Finding(
        invariant=invariant,
        checked=looked.checked,
        violations=looked.violations,
        samples=looked.samples,
        trouble=looked.trouble,
        elapsed_ms=round((time.perf_counter() - began) * 1000),
    )


async def last_runs(db: Database, *, limit: int) -> list[Run]:
    """Answer the newest runs, newest first."""
    async with db.connection() as conn:
        return await store.newest_runs(conn, limit)


async def look_within(conn: Connection, invariant: Invariant) -> Looked:
    """Look at one invariant within the caller's transaction.

    Raises:
        asyncpg.PostgresError, TimeoutError: it took too long, or the schema is another.
    """
    return await (_search_texts(conn) if invariant is Invariant.I13 else store.look(conn, invariant))


async def _search_texts(conn: Connection) -> Looked:
    """Search the newest rows of every table for numbers that must not be stored (I13)."""
    checked, found, trouble = 0, [], None
    for table in await store.text_tables(conn):
        checked += await store.count_newest(conn, table)
        suspects = await store.suspects(conn, table)
        if len(suspects) == store.MAX_SUSPECTS:
            trouble = f"{table.name}: only {store.MAX_SUSPECTS:,} of the rows that look suspicious were looked at"
        for row in suspects:
            subject, last_four_only = row.pop("subject"), row.pop("last_four_only")
            found += [
                Violation(subject=subject, detail=f"{table.name}.{column}")
                for column, value in row.items()
                if value is not None and leaks(column, value, last_four_only=last_four_only)
            ]
    return Looked(checked=checked, violations=len(found), samples=tuple(found[:SAMPLES]), trouble=trouble)


@asynccontextmanager
async def _reading(db: Database) -> AsyncIterator[Connection]:
    """Hold a connection in a transaction that sees one moment, changes nothing and gives up after a while."""
    async with db.transaction(isolation="repeatable_read", readonly=True) as conn:
        await store.tread_lightly(conn)
        yield conn
