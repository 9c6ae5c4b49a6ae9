"""The worker: jobs, schedules and the resolver."""

import asyncio
import contextlib

from pgqueuer import PgQueuer

from paywon.inbox import jobs as inbox_jobs
from paywon.orders import jobs as order_jobs
from paywon.payments.jobs import resolve_forever
from paywon.settings import Settings
from paywon.wiring import House, open_house

_RESOLVE_EVERY_S = 1.0


async def run(settings: Settings) -> None:
    """Work until cancelled; what is in hand is finished first."""
    async with open_house(settings, role="worker") as house:
        pgq = _queue(house)
        queue = asyncio.create_task(pgq.run(batch_size=10))
        resolver = asyncio.create_task(resolve_forever(house.cashier, every_s=_RESOLVE_EVERY_S))
        try:
            # Neither ends by itself: if one does, the process must not go on half alive.
            await asyncio.wait({queue, resolver}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pgq.shutdown.set()
            resolver.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await resolver
            await queue


def _queue(house: House) -> PgQueuer:
    pgq = PgQueuer.from_asyncpg_pool(house.db.pool)
    inbox_jobs.register_jobs(pgq, house.inbox)
    order_jobs.register_jobs(pgq, house.book)
    return pgq
