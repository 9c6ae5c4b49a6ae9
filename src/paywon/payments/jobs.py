"""Jobs of payments: the resolver's round."""

import asyncio

import asyncpg
import structlog

from paywon.payments.commands import resolving, returning, watching
from paywon.payments.commands.cashier import Cashier

_log = structlog.get_logger()


async def resolve_forever(cashier: Cashier, *, every_s: float) -> None:
    """Finish open attempts and look at payments whose time has come, again and again, until cancelled."""
    while True:
        try:
            resolved = await resolving.resolve_due(cashier)
            looked = await watching.look_at_due(cashier)
            busy = await returning.return_due(cashier) + looked + resolved > 0
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            busy = False
            _log.warning("the resolver cannot reach the database; it tries again", error=repr(error))
        if not busy:
            await asyncio.sleep(every_s)
