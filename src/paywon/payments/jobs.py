"""Jobs of payments: the resolver's round."""

from paywon.payments.commands import resolving, returning, waking, watching
from paywon.payments.commands.cashier import Cashier
from paywon.queue.jobs import forever


async def resolve_forever(cashier: Cashier, *, every_s: float) -> None:
    """Finish open attempts and look at payments whose time has come, again and again, until cancelled."""

    async def round_() -> int:
        await waking.wake_what_waits(cashier)
        resolved = await resolving.resolve_due(cashier)
        looked = await watching.look_at_due(cashier)
        return resolved + looked + await returning.return_due(cashier)

    await forever(round_, every_s=every_s)
