"""Every fulfilment by its kind; running one so that no fault of it can lose a payment."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

import asyncpg
import structlog

from paywon.base.errors import PaywonError
from paywon.base.money import Krw
from paywon.base.patience import timeout_while_running
from paywon.base.redaction import redact_trouble
from paywon.capsules.commands import CapsuleFulfilment
from paywon.db.pool import Connection
from paywon.fulfilments.protocol import FAILED, NOT_INSTALLED, REVERSAL_FAILED, Fulfilment, OptionRefused, Priced
from paywon.orders.model import FulfilmentKind, Order

_log = structlog.get_logger()
T = TypeVar("T")

# The order and its payment are locked all the while, and somebody waits for the answer.
PATIENCE_S: Final = 4.0
_MAX_REASON_CHARS: Final = 200
# paywon's own: nothing to do, and what the application is told by an event.
_WITHOUT_CODE: Final = (FulfilmentKind.NONE, FulfilmentKind.EVENT)
# Nothing of the fulfilment's own doing: the whole transaction has to be tried again, and will be.
_PASSING: Final = (asyncpg.TransactionRollbackError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)
# The database or a row was slow, or the work itself was: it may do better in a while.
_SLOW: Final = (TimeoutError, asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError)


class Obstacle(NamedTuple):
    """Why nothing was handed over. ``may_pass``: it only took too long, so it is worth another try by itself."""

    reason: str
    may_pass: bool = False


class Fulfilments:
    """What an order can ask for; none of them is waited for longer than ``patience_s`` of our own running time."""

    def __init__(self, by_kind: Mapping[str, Fulfilment], *, patience_s: float = PATIENCE_S) -> None:
        self._by_kind, self._patience_s = dict(by_kind), patience_s

    @property
    def kinds(self) -> list[str]:
        """Every kind that an order may name."""
        return [str(kind) for kind in (*_WITHOUT_CODE, *sorted(self._by_kind))]

    def checked(self, kind: str, options: Mapping[str, Any] | None, now: datetime) -> dict[str, Any] | None:
        """Look at what an order that is being placed asks for; answer what is kept of its options.

        Raises:
            PaywonError: UNKNOWN_FULFILMENT, FULFILMENT_FIELDS, or INVALID_REQUEST naming the option.
        """
        if kind in _WITHOUT_CODE:
            if options is not None:
                raise PaywonError("FULFILMENT_FIELDS", field="fulfilment.options")
            return None
        fulfilment = self._by_kind.get(kind)
        if fulfilment is None:
            raise PaywonError("UNKNOWN_FULFILMENT", field="fulfilment.kind", kinds=", ".join(self.kinds))
        try:
            return fulfilment.check(options or {}, now)
        except OptionRefused as refused:
            name = f"fulfilment.options.{refused.field}"
            raise PaywonError(
                "INVALID_REQUEST", field=name, hint_ko=f"{name}: {refused.ko}", hint_en=f"{name}: {refused.en}"
            ) from None

    def price_of(self, kind: str, spec: Mapping[str, Any] | None, now: datetime) -> Krw | None:
        """Return what is asked of an app's own user for what is handed over here; None where nothing is.

        Raises:
            PaywonError: PRICE_UNKNOWN, it is handed over without anybody having said what it costs.
        """
        if kind in _WITHOUT_CODE:
            return None
        fulfilment = self._by_kind.get(kind)
        price = fulfilment.price(spec or {}, now) if isinstance(fulfilment, Priced) else None
        if price is None:
            raise PaywonError("PRICE_UNKNOWN", field="fulfilment.kind", kind=kind)
        return Krw(price)

    async def fulfil(self, conn: Connection, order: Order, now: datetime) -> Obstacle | None:
        """Hand over what a paid order is for; answer None, or why it was not."""
        fulfilment = self._by_kind.get(order.fulfilment_kind)
        if fulfilment is None:
            return Obstacle(NOT_INSTALLED)
        return await self._tried(conn, order, FAILED, lambda: fulfilment.fulfil(conn, order, now))

    async def reverse(self, conn: Connection, order: Order, now: datetime, reason: str | None) -> str | None:
        """Take back what was handed over; answer None, or why that is for a person to look at."""
        fulfilment = self._by_kind.get(order.fulfilment_kind)
        if fulfilment is None:
            return f"{REVERSAL_FAILED}: {NOT_INSTALLED}"
        work = self._tried(conn, order, REVERSAL_FAILED, lambda: fulfilment.reverse(conn, order, now, reason))
        return None if (obstacle := await work) is None else obstacle.reason

    async def _tried(
        self, conn: Connection, order: Order, failed: str, work: Callable[[], Awaitable[str | None]]
    ) -> Obstacle | None:
        """Run a fulfilment within a savepoint: what it did before it broke off is undone, and nothing else is.

        Raises:
            asyncpg.PostgresError, asyncpg.InterfaceError: the transaction as a whole cannot go on.
        """
        await conn.execute("SAVEPOINT fulfilment")
        try:
            async with timeout_while_running(self._patience_s):
                said = await work()
            # Fails where the fulfilment caught an error of PostgreSQL and went on: nothing would be committed any more.
            await conn.execute("RELEASE SAVEPOINT fulfilment")
        except _PASSING:
            raise
        except Exception as error:
            await conn.execute("ROLLBACK TO SAVEPOINT fulfilment")
            _log.error("a fulfilment broke off", kind=order.fulfilment_kind, order_no=order.order_no, exc_info=error)
            why = f"it took longer than {self._patience_s:g} s" if isinstance(error, TimeoutError) else _words(error)
            return Obstacle(redact_trouble(f"{failed}: {why}")[:_MAX_REASON_CHARS], isinstance(error, _SLOW))
        return None if said is None else Obstacle(redact_trouble(str(said))[:_MAX_REASON_CHARS])


def _words(error: Exception) -> str:
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__


BUNDLED: Final = Fulfilments({FulfilmentKind.TIME_CAPSULE: CapsuleFulfilment()})
