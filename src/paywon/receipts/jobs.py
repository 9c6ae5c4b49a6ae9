"""Jobs of cash receipts: the round of the resolver, and of what is followed at the tax office."""

from paywon.payments.commands.cashier import Cashier
from paywon.queue.jobs import forever
from paywon.receipts.commands import following, resolving


async def resolve_forever(cashier: Cashier, *, every_s: float) -> None:
    """Finish open issues and cancels and look at receipts whose time has come, again and again, until cancelled."""

    async def round_() -> int:
        return await resolving.resolve_due(cashier) + await following.look_at_due(cashier)

    await forever(round_, every_s=every_s)
