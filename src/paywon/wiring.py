"""The composition root: every part is made here, once a process, and handed to those who need it."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from litestar.stores.base import Store

from paywon.base.clock import Clock
from paywon.base.sealing import KeyRing
from paywon.db.clock import running_clock
from paywon.db.pool import Database, Patience, forbid_open_transaction
from paywon.events.commands.mailroom import Mailroom
from paywon.events.sending import open_sender
from paywon.fulfilments.commands import Fulfilments
from paywon.fulfilments.plugins import installed
from paywon.inbox.commands.proving import Trust
from paywon.inbox.commands.receiving import Inbox
from paywon.operators.commands import recognise
from paywon.operators.model import KEY_PREFIX
from paywon.operators.refused import RefusedKeys
from paywon.orders.commands import OrderBook
from paywon.orders.model import OrderLimits
from paywon.payments.commands.cashier import Cashier
from paywon.payments.commands.checking import Checker
from paywon.payments.commands.free import settle_free
from paywon.reconciliation.commands.walking import Walker
from paywon.settings import Settings
from paywon.settlements.commands import Ledger
from paywon.toss.client import TossClient
from paywon.users.commands import Users
from paywon.users.keys import OneKey, TokenKeys, open_key_set
from paywon.web.auth import Principal
from paywon.web.cache import open_cache
from paywon.web.rates import Rate, Rates, open_counts


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
    mailroom: Mailroom
    ring: KeyRing
    cache: Store
    checker: Checker
    ledger: Ledger
    walker: Walker
    rates: Rates
    users: Users | None
    refused_keys: RefusedKeys

    async def recognise(self, token: str) -> Principal | None:
        """Answer who holds a bearer token: what begins like an API key is one, the rest are users', if any."""
        if self.users is None or token.startswith(KEY_PREFIX):
            return await recognise(self.db, self.clock, token, refused=self.refused_keys)
        return await self.users.recognise(token)


@asynccontextmanager
async def open_house(settings: Settings, *, role: str, clock: Clock | None = None) -> AsyncIterator[House]:
    """Connect the parts, and at the end let running work finish before they are taken apart.

    ``role`` names the process to PostgreSQL (``api``, ``worker``). ``clock`` takes the place of the database's time.
    """
    db = await Database.connect(
        settings.database_url,
        max_connections=settings.max_connections,
        application_name=f"paywon-{role}",
        patience=_patience(settings),
    )
    try:
        async with running_clock(db) as databases, _open_parts(settings, db, clock or databases) as house:
            yield house
    finally:
        await db.close()


@asynccontextmanager
async def _open_parts(settings: Settings, db: Database, clock: Clock) -> AsyncIterator[House]:
    ring = settings.ring
    fulfilments = installed(capsule_price_krw=settings.capsule_price_krw)
    toss = _toss(settings)
    cashier = _cashier(settings, db=db, toss=toss, clock=clock, ring=ring, fulfilments=fulfilments)
    url, namespace = _cache_url(settings), _namespace(settings)
    async with (
        open_cache(url, namespace=namespace) as cache,
        open_counts(url, namespace=namespace) as counts,
        _open_users(settings, clock) as users,
        open_sender(dev=settings.dev_mode) as sender,
    ):
        try:
            yield House(
                settings=settings,
                clock=clock,
                ring=ring,
                db=db,
                toss=toss,
                book=OrderBook(
                    db=db,
                    clock=clock,
                    fulfilments=fulfilments,
                    time_to_pay=cashier.time_to_pay,
                    settle_free=partial(settle_free, fulfilments=fulfilments),
                    limits=cashier.limits,
                ),
                cashier=cashier,
                inbox=Inbox(
                    cashier=cashier, trust=_trust(settings), looks_per_minute=settings.webhook_looks_per_minute
                ),
                mailroom=Mailroom(db=db, clock=clock, ring=ring, sender=sender, dev=settings.dev_mode),
                cache=cache,
                checker=Checker(cashier=cashier, cache=cache),
                ledger=Ledger(cashier=cashier, cache=cache),
                walker=Walker(
                    cashier=cashier, every=timedelta(seconds=settings.walk_every_s), reads=settings.walk_reads
                ),
                rates=Rates(counts=counts, clock=clock, per_minute=_rates(settings)),
                users=users,
                refused_keys=RefusedKeys(),
            )
        finally:
            await cashier.finish()
            await toss.close()


def _cashier(
    settings: Settings, *, db: Database, toss: TossClient, clock: Clock, ring: KeyRing, fulfilments: Fulfilments
) -> Cashier:
    return Cashier(
        db=db,
        toss=toss,
        clock=clock,
        ring=ring,
        fulfilments=fulfilments,
        deposit_hold=timedelta(seconds=settings.deposit_hold_s),
        app_base_url=settings.app_base_url.rstrip("/"),
        time_to_pay=timedelta(seconds=settings.order_ttl_s),
        limits=_limits(settings),
        users_refund_fulfilled=settings.user_refund_after_fulfilment,
        answer_budget_s=settings.answer_budget_s,
        resolve_after=timedelta(seconds=settings.resolve_after_s),
        retries=settings.retries,
        resolve_at_once=settings.resolve_at_once,
        lease=timedelta(seconds=3 * (settings.connect_timeout_s + settings.read_timeout_s)),
    )


def _toss(settings: Settings) -> TossClient:
    return TossClient(
        base_url=settings.toss_base_url,
        secret_key=settings.toss_secret_key.get_secret_value(),
        connect_timeout_s=settings.connect_timeout_s,
        read_timeout_s=settings.read_timeout_s,
        max_connections=settings.toss_connections,
        max_read_connections=settings.toss_read_connections,
        # A caller is answered by then anyhow; what gets its connection at the last moment goes on as unknown (202).
        queue_timeout_s=settings.answer_budget_s,
        before_call=forbid_open_transaction,
    )


@asynccontextmanager
async def _open_users(settings: Settings, clock: Clock) -> AsyncIterator[Users | None]:
    """Make what recognises an app's own users; None where they have no tokens."""
    policy = settings.token_policy
    if policy is None:
        yield None
        return
    async with AsyncExitStack() as opened:
        keys: TokenKeys
        if (key := settings.token_key) is not None:
            keys = OneKey(key)
        else:
            assert settings.jwt_jwks_url is not None, "settings have a key or say where it is"
            keys = await opened.enter_async_context(open_key_set(settings.jwt_jwks_url, policy.algorithm))
        yield Users(policy=policy, keys=keys, scopes=settings.scopes_of_users, clock=clock)


def _trust(settings: Settings) -> Trust:
    return Trust(
        secrets=settings.webhook_secrets,
        sources=settings.webhook_networks,
        strict=settings.webhook_strict,
        max_age=timedelta(seconds=settings.webhook_max_age_s),
    )


def _patience(settings: Settings) -> Patience:
    return Patience(
        connect_s=settings.db_connect_timeout_s,
        acquire_s=settings.db_acquire_timeout_s,
        lock_s=settings.db_lock_timeout_s,
        statement_s=settings.db_statement_timeout_s,
        idle_s=settings.db_idle_timeout_s,
    )


def _limits(settings: Settings) -> OrderLimits:
    return OrderLimits(
        longest=timedelta(seconds=settings.max_order_ttl_s),
        longest_of_user=timedelta(seconds=settings.max_user_order_ttl_s),
        open_per_user=settings.max_open_orders_per_user,
    )


def _rates(settings: Settings) -> dict[Rate, int]:
    return {
        Rate.KEY: settings.rate_per_minute,
        Rate.USER: settings.user_rate_per_minute,
        Rate.ADDRESS: settings.address_rate_per_minute,
        Rate.WEBHOOK: settings.webhook_rate_per_minute,
    }


def _cache_url(settings: Settings) -> str | None:
    return None if settings.redis_url is None else settings.redis_url.get_secret_value()


def _namespace(settings: Settings) -> str:
    """Name this shop's part of a cache: two shops, or tests, may share one Valkey and must not share what is in it."""
    shop = f"{settings.toss_base_url} {settings.toss_secret_key.get_secret_value()}"
    return f"paywon:{hashlib.sha256(shop.encode()).hexdigest()[:12]}"
