"""The webhook door and a worker over one database, before a Toss that knows what a test has it know."""

import asyncio
import hmac
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import msgspec
from aiohttp import web
from pydantic import SecretStr

from paywon.db.pool import Database
from paywon.inbox.commands.looking import claim_looks, look
from paywon.inbox.commands.proving import Trust
from paywon.inbox.commands.receiving import Inbox, Receipt, receive
from paywon.orders.model import Order
from tests.support.books import Books, key_of, open_books
from tests.support.evidence import evidence
from tests.toss.loopback import Loopback, client_for, loopback

SECRET = "0f" * 32
FORGER = "203.0.113.9"
NOT_FOUND = {"code": "NOT_FOUND_PAYMENT", "message": "존재하지 않는 결제 입니다."}


@dataclass
class Door:
    """The webhook door and a worker over one database, and a Toss that knows what the test has it know."""

    books: Books
    inbox: Inbox
    toss: Loopback
    answer: Callable[[str], tuple[int, dict[str, Any]]]
    during: Callable[[], Any] | None = None

    async def tell(self, order: Order | None, *, key: str | None = None, proven: bool = False, **more: Any) -> Receipt:
        """Send a webhook about an order; without a proof it may be anybody's."""
        data = {"orderId": order.order_no if order else f"ORD-{secrets.token_hex(6)}", "status": "DONE", **more}
        data |= {"paymentKey": key or (key_of(order) if order else secrets.token_hex(8)), "n": secrets.token_hex(4)}
        return await self.send({"eventType": "PAYMENT_STATUS_CHANGED", "data": data}, proven=proven)

    async def send(self, body: dict[str, Any], *, proven: bool = False) -> Receipt:
        raw = msgspec.json.encode(body)
        return await self.send_raw(raw, {"toss-signature": signature(raw)} if proven else {})

    async def send_raw(self, raw: bytes, headers: dict[str, str]) -> Receipt:
        return await receive(self.inbox, raw, headers, source_address=FORGER)

    async def work(self) -> int:
        """Make all looks that are due; answer how many."""
        claimed = await claim_looks(self.inbox, 1000)
        await asyncio.gather(*(look(self.inbox, due) for due in claimed))
        return len(claimed)

    async def states(self) -> dict[str, int]:
        async with self.books.db.connection() as conn:
            rows = await conn.fetch("SELECT status, count(*) FROM webhook_events GROUP BY 1")
        return {row["status"]: row["count"] for row in rows}

    def later(self, seconds: float) -> None:
        self.books.clock.at += timedelta(seconds=seconds)

    @property
    def asked(self) -> list[str]:
        return [seen.raw_path for seen in self.toss.seen]


def signature(raw: bytes) -> str:
    return hmac.digest(SECRET.encode(), raw, "sha256").hex()


@asynccontextmanager
async def open_door(db: Database, **settings: Any) -> AsyncIterator[Door]:
    """A door over a database. Its Toss shows each payment as paid that is asked for by the key that it has here."""

    async def step(request: web.Request) -> web.StreamResponse:
        if opened.during is not None:
            await opened.during()
        status, body = opened.answer(request.path)
        return web.json_response(body, status=status)

    async with open_books(db) as books, loopback(step) as toss, client_for(toss.url) as client:
        inbox = Inbox(
            cashier=replace(books.cashier, toss=client),
            trust=Trust(secrets=(SecretStr(SECRET),)),
            looks_per_minute=settings.get("looks_per_minute", 0),
        )
        opened = Door(books=books, inbox=inbox, toss=toss, answer=knows_paid(books))
        yield opened


def knows_paid(books: Books) -> Callable[[str], tuple[int, dict[str, Any]]]:
    def answer(path: str) -> tuple[int, dict[str, Any]]:
        name = path.rpartition("/")[2]
        if not name.startswith(("key-ORD-", "ORD-")):
            return 404, NOT_FOUND
        order_no = name.removeprefix("key-")
        fitting = {"orderId": order_no, "paymentKey": f"key-{order_no}", "totalAmount": 1_000, "balanceAmount": 1_000}
        return 200, evidence("payment-card-done", asked_at=books.clock.now(), **fitting).raw

    return answer
