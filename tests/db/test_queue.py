"""The queue over a real PostgreSQL: when it believes that its listener is dead."""

import asyncio
from datetime import timedelta

import pytest
from pgqueuer.errors import FailingListenerError

from paywon.db.pool import Database
from paywon.queue.jobs import open_queue, run_queue


async def test_a_probe_that_was_sent_before_anybody_listened_is_sent_again(db: Database) -> None:
    pgq = open_queue(db.pool)
    probe = asyncio.create_task(pgq.qm.listener_healthy(timedelta(seconds=2)))
    await asyncio.sleep(0.5)  # its notice is lost by now
    assert not probe.done()
    running = asyncio.create_task(run_queue(pgq))
    try:
        assert await probe is not None
    finally:
        pgq.shutdown.set()
        await running


async def test_a_listener_that_hears_nothing_is_dead(db: Database) -> None:
    with pytest.raises(FailingListenerError):
        await open_queue(db.pool).qm.listener_healthy(timedelta(seconds=0.2))
