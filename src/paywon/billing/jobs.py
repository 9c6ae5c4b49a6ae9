"""Jobs of billing keys: the resolver's round."""

from paywon.billing.commands import forgetting, resolving
from paywon.payments.commands.cashier import Cashier
from paywon.queue.jobs import forever


async def resolve_forever(cashier: Cashier, *, every_s: float) -> None:
    """Finish open issues and deletions whose time has come, again and again, until cancelled."""

    async def round_() -> int:
        return await resolving.resolve_due(cashier) + await forgetting.forget_refused(cashier)

    await forever(round_, every_s=every_s)
