"""The billing room without doors: its commands over a real database and the sandbox, and a clock to move."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp

from paywon.base.ids import OrderNo, UserId
from paywon.base.money import Krw
from paywon.base.sealing import KeyRing
from paywon.billing.commands import charging, deleting, issuing, queries, resolving
from paywon.billing.commands.charging import Charge
from paywon.billing.commands.issuing import IssueWish
from paywon.billing.model import KeyView
from paywon.db.pool import Database
from paywon.orders.commands import OrderWish, add_order
from paywon.payments.commands.cashier import Cashier, Origin
from paywon.payments.commands.queries import PaymentView
from paywon.toss.client import TossClient
from tests.support.stack import Http

CUSTOMER = "6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001"
SERVER = Origin(actor="test")
ISSUE_PATH = "/v1/billing/authorizations/issue"


@dataclass
class MovableClock:
    """A clock that stands until it is moved."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        return self.at


@dataclass
class Counter:
    """Somebody at the commands of billing keys, with the sandbox's control door beside."""

    db: Database
    cashier: Cashier
    clock: MovableClock
    toss: Http

    async def auth_key(self, customer_key: str = CUSTOMER, **how: Any) -> str:
        """Play the customer in Toss's billing window."""
        reply = await self.toss.post("/sandbox/billing-auth", {"customerKey": customer_key, **how})
        assert reply.status == 200, reply
        found: str = reply["authKey"]
        return found

    async def issue(
        self, auth_key: str | None = None, *, user: str | None = None, origin: Origin = SERVER, **how: Any
    ) -> KeyView:
        wish = IssueWish(
            auth_key=auth_key or await self.auth_key(**how),
            customer_key=CUSTOMER,
            user_id=UserId(user) if user else None,
        )
        return await issuing.issue_key(self.cashier, wish, origin)

    async def charge(self, name: object, order_no: OrderNo, origin: Origin = SERVER, **more: Any) -> PaymentView:
        return await charging.charge_key(self.cashier, str(name), Charge(order_no=order_no, **more), origin)

    async def delete(self, name: object, origin: Origin = SERVER) -> KeyView:
        return await deleting.delete_key(self.cashier, str(name), origin)

    async def find(self, name: object, origin: Origin = SERVER) -> KeyView:
        return await queries.find_key(self.cashier, str(name), origin)

    async def order(self, user: str = "user-7", amount: int = 9_000) -> OrderNo:
        wish = OrderWish(user_id=UserId(user), order_name="구독", amount=Krw(amount))
        async with self.db.transaction() as conn:
            order = await add_order(conn, wish, now=self.clock.now(), time_to_pay=timedelta(days=30))
        return order.order_no

    async def resolve(self, *, after: timedelta = timedelta(hours=2)) -> int:
        """Let time pass, longer than the ladder's longest step, and do one round of the resolver."""
        self.clock.at += after
        return await resolving.resolve_due(self.cashier)

    async def fault(self, kind: str, path: str, **more: Any) -> None:
        reply = await self.toss.post("/sandbox/faults", {"times": 1, "kind": kind, "path": path, **more})
        assert reply.status in (200, 201), reply

    async def asked(self, method: str, path: str) -> list[dict[str, Any]]:
        """What the sandbox was asked, by its own log."""
        found = (await self.toss.get(f"/sandbox/requests?path={path}")).body["requests"]
        return [request for request in found if request["method"] == method]

    async def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        async with self.db.connection() as conn:
            return [dict(row) for row in await conn.fetch(query, *arguments)]

    async def attempts(self, key_id: UUID) -> list[tuple[str, str, str | None, str | None]]:
        """Type, status, outcome and code of what was asked about a key, oldest first."""
        rows = await self.rows(
            "SELECT type, status, outcome, error_code FROM payment_transactions WHERE billing_key_id = $1 "
            "ORDER BY created_at, id",
            key_id,
        )
        return [(row["type"], row["status"], row["outcome"], row["error_code"]) for row in rows]


@asynccontextmanager
async def counter(db: Database, *, toss_url: str, toss_key: str) -> AsyncIterator[Counter]:
    """Open the room over a database and a Toss."""
    clock = MovableClock()
    client = TossClient(base_url=toss_url, secret_key=toss_key, read_timeout_s=5)
    cashier = Cashier(
        db=db,
        toss=client,
        clock=clock,
        ring=KeyRing([bytes(32)]),
        deposit_hold=timedelta(0),
        app_base_url="http://localhost",
        time_to_pay=timedelta(minutes=30),
        answer_budget_s=10,
        resolve_after=timedelta(seconds=10),
    )
    toss = Http(toss_url, headers={"Authorization": aiohttp.encode_basic_auth(toss_key, "")})
    try:
        yield Counter(db=db, cashier=cashier, clock=clock, toss=toss)
    finally:
        await cashier.finish()
        await client.close()
        await toss.close()
