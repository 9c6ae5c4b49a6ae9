"""Schedules of idempotency keys."""

from pgqueuer import PgQueuer

from paywon.base.clock import Clock
from paywon.db.pool import Database
from paywon.idempotency import commands
from paywon.queue.jobs import every_minute


def register_jobs(pgq: PgQueuer, db: Database, clock: Clock) -> None:
    async def forget() -> None:
        await commands.forget_old_keys(db, clock)

    every_minute(pgq, "idempotency.forget", forget)
