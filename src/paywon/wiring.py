"""The composition root: every part is made here, once a process, and handed to those who need it."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from litestar.stores.base import Store

from paywon.base.clock import Clock, SystemClock
from paywon.base.sealing import KeyRing
from paywon.db.pool import Database, forbid_open_transaction
from paywon.inbox.commands import Inbox
from paywon.orders.commands import OrderBook
from paywon.payments.commands.cashier import Cashier
from paywon.payments.commands.checking import Checker
from paywon.settings import Settings
from paywon.settlements.commands import Ledger
from paywon.toss.client import TossClient
from paywon.web.cache import open_cache


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The parts of one process."""

    settings: Settings
    clock: Clock
    db: Database
    toss: TossClient
    book: OrderBook
    cashier: Cashier
    inbox: Inbox
    ring: KeyRing
    cache: Store
    checker: Checker
    ledger: Ledger


@asynccontextmanager
async def open_house(settings: Settings, *, role: str) -> AsyncIterator[House]:
    """Connect the parts, and at the end let running work finish before they are taken apart.

    ``role`` names the process to PostgreSQL (``api``, ``worker``).
    """
    clock, ring = SystemClock(), settings.ring
    db = await Database.connect(
        settings.database_url, max_connections=settings.max_connections, application_name=f"paywon-{role}"
    )
    toss = TossClient(
        base_url=settings.toss_base_url,
        secret_key=settings.toss_secret_key.get_secret_value(),
        connect_timeout_s=settings.connect_timeout_s,
        read_timeout_s=settings.read_timeout_s,
        before_call=forbid_open_transaction,
    )
    time_to_pay = timedelta(seconds=settings.order_ttl_s)
    cashier = Cashier(
        db=db,
        toss=toss,
        clock=clock,
        ring=ring,
        deposit_hold=timedelta(seconds=settings.deposit_hold_s),
        app_base_url=settings.app_base_url.rstrip("/"),
        time_to_pay=time_to_pay,
        answer_budget_s=settings.answer_budget_s,
        resolve_after=timedelta(seconds=settings.resolve_after_s),
        lease=timedelta(seconds=3 * (settings.connect_timeout_s + settings.read_timeout_s)),
    )
    async with open_cache(_cache_url(settings), namespace=_namespace(settings)) as cache:
        try:
            yield House(
                settings=settings,
                clock=clock,
                ring=ring,
                db=db,
                toss=toss,
                book=OrderBook(db=db, clock=clock, time_to_pay=time_to_pay),
                cashier=cashier,
                inbox=Inbox(cashier=cashier, secret=settings.toss_webhook_secret),
                cache=cache,
                checker=Checker(cashier=cashier, cache=cache),
                ledger=Ledger(cashier=cashier, cache=cache),
            )
        finally:
            await cashier.finish()
            await toss.close()
            await db.close()


def _cache_url(settings: Settings) -> str | None:
    return None if settings.redis_url is None else settings.redis_url.get_secret_value()


def _namespace(settings: Settings) -> str:
    """Name this shop's part of a cache: two shops, or tests, may share one Valkey and must not share what is in it."""
    shop = f"{settings.toss_base_url} {settings.toss_secret_key.get_secret_value()}"
    return f"paywon:{hashlib.sha256(shop.encode()).hexdigest()[:12]}"
