"""Schedules of orders."""

from pgqueuer import PgQueuer

from paywon.orders import commands
from paywon.orders.commands import OrderBook
from paywon.queue.jobs import every_minute


def register_jobs(pgq: PgQueuer, book: OrderBook) -> None:
    async def expire() -> None:
        await commands.expire_overdue_orders(book)

    every_minute(pgq, "orders.expire", expire)
