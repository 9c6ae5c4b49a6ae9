"""The queue over a real PostgreSQL: when it believes that its listener is dead, and what it does with failing jobs."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pgqueuer.errors import FailingListenerError
from structlog.testing import capture_logs

from paywon.db.pool import Database
from paywon.queue.jobs import TryLater, enqueue, open_queue, register, run_queue

# As if the database went away just when the next try was to be written down.
_REFUSE_RETRIES = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'away'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON pgqueuer FOR EACH ROW
    WHEN (OLD.status = 'picked' AND NEW.status = 'queued') EXECUTE FUNCTION refuse()
    """


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


async def test_a_job_whose_next_try_could_not_be_written_down_is_taken_again(db: Database) -> None:
    pgq, tries = open_queue(db.pool), 0

    async def work(_payload: dict[str, Any]) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise TryLater

    register(pgq, "test.work", work)
    async with db.connection() as conn:
        await conn.execute(_REFUSE_RETRIES)
        await enqueue(conn, "test.work", {})
    with capture_logs() as logs:
        running = asyncio.create_task(run_queue(pgq))
        try:
            await _until(lambda: bool(logs))
            assert logs[0]["event"] == "a job's next try could not be written down"
            async with db.connection() as conn:
                await conn.execute("DROP TRIGGER refuse ON pgqueuer")
                assert await conn.fetchval("SELECT status FROM pgqueuer") == "picked"
                await conn.execute("UPDATE pgqueuer SET heartbeat = now() - interval '31 s'")  # as time would have it
            await _until(lambda: tries == 2)
        finally:
            pgq.shutdown.set()
            await running


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():
            await asyncio.sleep(0.05)
