"""Schedules of settlements."""

from pgqueuer import PgQueuer

from paywon.queue.jobs import daily
from paywon.settlements import commands
from paywon.settlements.commands import Ledger


def register_jobs(pgq: PgQueuer, ledger: Ledger) -> None:
    async def tell() -> None:
        await commands.tell_payouts(ledger)

    daily(pgq, "settlements.tell_payouts", tell)
