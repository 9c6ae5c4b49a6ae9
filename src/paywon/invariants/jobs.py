"""Schedules of the invariants."""

from pgqueuer import PgQueuer

from paywon.base.clock import Clock
from paywon.db.pool import Database
from paywon.invariants import commands
from paywon.queue.jobs import hourly


def register_jobs(pgq: PgQueuer, db: Database, clock: Clock) -> None:
    async def look() -> None:
        # A worker that is stopped does not wait for the rest; the next hour looks again.
        await commands.patrol(db, clock, stopping=pgq.shutdown.is_set)

    hourly(pgq, "invariants.look", look)
