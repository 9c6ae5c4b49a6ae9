"""Putting jobs into the queue and taking them out."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

import asyncpg
import msgspec
import structlog
from pgqueuer import AsyncpgDriver, PgQueuer, Queries, QueueManager, RetryRequested
from pgqueuer.core.buffers import JobStatusLogBuffer
from pgqueuer.errors import FailingListenerError
from pgqueuer.executors import AbstractEntrypointExecutor
from pgqueuer.models import HealthCheckEvent, Job

from paywon.base.redaction import redact_trouble
from paywon.db.pool import Connection

_log = structlog.get_logger()

# How long a failing job waits before its next try; after the last it is held for a person, never deleted.
_RETRY_S: Final = (1, 5, 15, 60, 300, 1800, 3600, 3600, 3600, 3600)


# A job whose worker died is taken again when its heartbeat is this old, at the next look for work.
_HEARTBEAT: Final = timedelta(seconds=30)
_LOOK_EVERY: Final = timedelta(seconds=5)


class _PatientQueue(QueueManager):
    """Takes neither a probe that was missed once for a dead listener, nor a database that is away for a failed job."""

    async def listener_healthy(self, timeout: timedelta = timedelta(seconds=10)) -> HealthCheckEvent:  # noqa: ASYNC109
        # PgQueuer may send the first probe before it listens.
        try:
            return await super().listener_healthy(timeout)
        except FailingListenerError:
            return await super().listener_healthy(timeout)

    async def log_failure(
        self, job: Job, executor: AbstractEntrypointExecutor, exc: Exception, jbuff: JobStatusLogBuffer
    ) -> None:
        """Hold a job that has failed for good.

        PgQueuer would hold one whose next try it could not write down, too. Such a job is left as it is: its heartbeat
        grows old, and a worker takes it again.
        """
        if job.attempts >= len(_RETRY_S):
            await super().log_failure(job, executor, exc, jbuff)
        else:
            _log.warning("a job's next try could not be written down", job=job.id, error=repr(exc))


def open_queue(pool: Any) -> PgQueuer:
    """Make a queue over a pool of asyncpg's; ``run_queue`` works it."""
    pgq = PgQueuer.from_asyncpg_pool(pool)
    patient = _PatientQueue(pgq.qm.queries, pgq.channel, resources=pgq.resources)
    patient.shutdown, pgq.qm = pgq.shutdown, patient
    return pgq


async def run_queue(pgq: PgQueuer) -> None:
    """Do jobs and schedules until ``pgq.shutdown`` is set, or PostgreSQL or its notices cannot be reached."""
    await pgq.run(
        batch_size=10,
        shutdown_on_listener_failure=True,
        heartbeat_timeout=_HEARTBEAT,
        dequeue_timeout=_LOOK_EVERY,
    )


class TryLater(Exception):  # noqa: N818 - it is no error of the job's
    """Raised by a job that could not do its work yet."""


class JobFailed(Exception):  # noqa: N818 - it is what became of the job
    """A job has failed for the last time; it is held for a person."""


async def enqueue(conn: Connection, name: str, payload: dict[str, Any]) -> None:
    """Add a job within the caller's transaction: it exists if and only if the transaction commits."""
    await Queries(AsyncpgDriver(conn)).enqueue(name, msgspec.json.encode(payload))  # type: ignore[arg-type]


def register(pgq: PgQueuer, name: str, work: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Have ``work`` done for every job of this name; what fails is tried again, then held."""

    async def run(job: Job) -> None:
        try:
            await work(msgspec.json.decode(job.payload or b"{}"))
        except Exception as error:
            # PgQueuer keeps what is raised here, word for word, so the error itself goes to our log only.
            if not isinstance(error, TryLater):
                _log.warning("a job broke off", job=name, attempts=job.attempts, exc_info=error)
            why = redact_trouble(f"{type(error).__name__}: {error}")[:200]
            if job.attempts >= len(_RETRY_S):
                raise JobFailed(why) from None
            raise RetryRequested(delay=timedelta(seconds=_RETRY_S[job.attempts]), reason=why) from None

    pgq.entrypoint(name, on_failure="hold")(run)


def every_minute(pgq: PgQueuer, name: str, work: Callable[[], Awaitable[object]]) -> None:
    """Have ``work`` done once a minute, by one worker of all."""
    _schedule(pgq, name, "* * * * *", work)


def hourly(pgq: PgQueuer, name: str, work: Callable[[], Awaitable[object]]) -> None:
    """Have ``work`` done once an hour, by one worker of all; not on the hour, when everybody else's work begins."""
    _schedule(pgq, name, "17 * * * *", work)


def daily(pgq: PgQueuer, name: str, work: Callable[[], Awaitable[object]]) -> None:
    """Have ``work`` done every morning at 10:41 in Korea, by one worker of all."""
    _schedule(pgq, name, "41 1 * * *", work)


def _schedule(pgq: PgQueuer, name: str, cron: str, work: Callable[[], Awaitable[object]]) -> None:
    async def run(_schedule: object) -> None:
        await work()

    pgq.schedule(name, cron, accepts_context=False)(run)


T = TypeVar("T")


async def side_by_side(
    claim: Callable[[int], Awaitable[Sequence[T]]],
    work: Callable[[T], Awaitable[None]],
    *,
    most: int,
    every_s: float,
) -> None:
    """Work on up to ``most`` things at once until cancelled; what is in hand is then finished.

    ``claim(n)`` takes up to ``n`` of what is due; it is asked again every so often while it finds nothing. A slow thing
    holds up no other. ``work`` sees to its own failures.
    """
    running: set[asyncio.Task[None]] = set()

    async def begin() -> int:
        claimed = await claim(most - len(running))
        for each in claimed:
            task = asyncio.ensure_future(work(each))
            running.add(task)
            task.add_done_callback(running.discard)
        return len(claimed)

    try:
        while True:
            found = await _or_none(begin)
            if len(running) >= most:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            elif not found:
                await asyncio.sleep(every_s)
    finally:
        await asyncio.gather(*running, return_exceptions=True)


async def forever(work: Callable[[], Awaitable[int]], *, every_s: float) -> None:
    """Have ``work`` done again and again until cancelled: at once while it answers that it found something to do."""
    while True:
        if not await _or_none(work):
            await asyncio.sleep(every_s)


async def _or_none(work: Callable[[], Awaitable[int]]) -> int:
    """Answer what was found to do; nothing, where the database cannot be reached or the round broke off."""
    try:
        return await work()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        _log.warning("the worker cannot reach the database; it tries again", error=repr(error))
    except Exception as error:
        # A worker that stays up and has stopped looking would be worse than one that dies.
        _log.error("a round of the worker broke off; the next one begins", exc_info=error)
    return 0
