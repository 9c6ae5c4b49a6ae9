"""Jobs of payments: the resolver's round."""

import asyncio

import asyncpg
import structlog

from paywon.payments.commands import resolving
from paywon.payments.commands.cashier import Cashier

_log = structlog.get_logger()


async def resolve_forever(cashier: Cashier, *, every_s: float) -> None:
    """Look for open attempts whose time has come, again and again, until cancelled."""
    while True:
        try:
            busy = await resolving.resolve_due(cashier) > 0
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            busy = False
            _log.warning("the resolver cannot reach the database; it tries again", error=repr(error))
        if not busy:
            await asyncio.sleep(every_s)
