"""The worker: jobs, schedules and the resolver."""

import asyncio

import structlog

from paywon.base.clock import Clock
from paywon.billing import jobs as billing_jobs
from paywon.events import jobs as event_jobs
from paywon.idempotency import jobs as idempotency_jobs
from paywon.inbox import jobs as inbox_jobs
from paywon.invariants import jobs as invariant_jobs
from paywon.orders import jobs as order_jobs
from paywon.payments import jobs as payment_jobs
from paywon.queue.jobs import open_queue, run_queue
from paywon.receipts import jobs as receipt_jobs
from paywon.reconciliation import jobs as walk_jobs
from paywon.settings import Settings
from paywon.settlements import jobs as settlement_jobs
from paywon.wiring import House, open_house

_RECONNECT_AFTER_S = 1.0
_log = structlog.get_logger()


async def run(settings: Settings, *, clock: Clock | None = None, look_every_s: float | None = None) -> None:
    """Work until cancelled; what is in hand is finished first.

    ``look_every_s`` is how often it looks for what is due, where that is not as the settings say.
    """
    look_every_s = look_every_s or settings.resolve_every_s
    async with open_house(settings, role="worker", clock=clock) as house:
        resolvers = [
            asyncio.create_task(jobs.resolve_forever(house.cashier, every_s=look_every_s))
            for jobs in (payment_jobs, billing_jobs, receipt_jobs)
        ]
        resolvers.append(asyncio.create_task(inbox_jobs.look_forever(house.inbox)))
        resolvers.append(asyncio.create_task(walk_jobs.walk_forever(house.walker, every_s=look_every_s)))
        resolvers.append(asyncio.create_task(walk_jobs.read_forever(house.walker, every_s=look_every_s)))
        resolvers.append(asyncio.create_task(inbox_jobs.wake_forever(house.inbox, every_s=look_every_s)))
        resolvers.append(asyncio.create_task(event_jobs.deliver_forever(house.mailroom, every_s=look_every_s)))
        try:
            while True:
                ended = await _work_queue(house)
                # PgQueuer gives up when it loses PostgreSQL; the pool connects again, and so do we.
                _log.warning("the queue broke off; it begins again", error=repr(ended))
                await asyncio.sleep(_RECONNECT_AFTER_S)
        finally:
            for resolver in resolvers:
                resolver.cancel()
            await asyncio.gather(*resolvers, return_exceptions=True)


async def _work_queue(house: House) -> BaseException | None:
    """Work the queue until it fails, and answer why; on cancellation let it finish what it has in hand."""
    pgq = open_queue(house.db.pool)
    inbox_jobs.register_jobs(pgq, house.inbox)
    order_jobs.register_jobs(pgq, house.book)
    idempotency_jobs.register_jobs(pgq, house.db, house.clock)
    invariant_jobs.register_jobs(pgq, house.db, house.clock)
    settlement_jobs.register_jobs(pgq, house.ledger)
    queue = asyncio.create_task(run_queue(pgq))
    try:
        await asyncio.wait({queue})
    finally:
        pgq.shutdown.set()
        (ended,) = await asyncio.gather(queue, return_exceptions=True)
    return ended
