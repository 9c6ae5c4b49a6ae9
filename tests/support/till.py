"""A cashier in the test's own process, over the database and the sandbox of a running stack."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from paywon.base.clock import Clock
from paywon.base.sealing import KeyRing
from paywon.db.pool import Database
from paywon.payments.commands.cashier import Cashier
from paywon.toss.client import TossClient
from tests.support.stack import SECRET_KEYS, Stack


class MovingClock:
    """Stands still until it is told to move."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


@asynccontextmanager
async def open_till(stack: Stack, clock: Clock) -> AsyncIterator[Cashier]:
    db = await Database.connect(stack.database_url, max_connections=2, application_name="test")
    toss = TossClient(base_url=stack.sandbox_url, secret_key=stack.toss_key)
    try:
        yield Cashier(
            db=db,
            toss=toss,
            clock=clock,
            ring=KeyRing.parse(SECRET_KEYS),
            app_base_url="http://localhost",
            time_to_pay=timedelta(minutes=30),
            answer_budget_s=9,
            resolve_after=timedelta(seconds=10),
            deposit_hold=timedelta(0),
        )
    finally:
        await toss.close()
        await db.close()
