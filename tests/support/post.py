"""Books, the room that delivers what they tell, and an application that listens; with a clock to move."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from paywon.db.pool import Database
from paywon.events.commands import delivering, endpoints, queries
from paywon.events.commands.endpoints import EndpointChange, EndpointWish
from paywon.events.commands.mailroom import Mailroom
from paywon.events.model import Endpoint
from paywon.events.sending import open_sender
from paywon.orders.model import Order
from tests.support.books import Books, open_books
from tests.support.listener import Heard, Listener, open_listener

NOTHING: Final = EndpointChange(url=None, events=None, description=None, enabled=None)


@dataclass
class Post:
    """Books, the room that delivers what they tell, and an application that listens."""

    books: Books
    room: Mailroom
    listener: Listener

    async def listen(self, *events: str, listener: Listener | None = None) -> Endpoint:
        listener = listener or self.listener
        wish = EndpointWish(url=listener.url, events=list(events), description=None, enabled=True)
        shown = await endpoints.register(self.room, wish, None)
        listener.secrets.append(shown.secret)
        return shown.endpoint

    async def deliver(self) -> None:
        """What a worker does until nothing is due."""
        done = True
        while done:
            done = await delivering.drop_what_waits_for_nobody(self.room) > 0
            for endpoint_id in await delivering.endpoints_with_work(self.room):
                done |= await delivering.deliver_due(self.room, endpoint_id) > 0

    def wait(self, time: timedelta) -> None:
        self.books.clock.at += time

    async def endpoint(self, endpoint: Endpoint) -> Endpoint:
        return await endpoints.find(self.room, endpoint.id)

    async def fulfilment(self, order: Order) -> tuple[str, str | None]:
        row = await self.books.row("SELECT fulfilment_status, fulfilment_reason FROM orders WHERE id = $1", order.id)
        return row["fulfilment_status"], row["fulfilment_reason"]

    async def statuses(self, endpoint: Endpoint) -> list[str]:
        found = await queries.list_deliveries(self.room, endpoint.id, status=None, before_seq=None, limit=200)
        return [delivery.status for delivery in reversed(found)]


@asynccontextmanager
async def open_post(db: Database) -> AsyncIterator[Post]:
    """All of it over a database; an endpoint has two seconds for its answer."""
    async with open_books(db) as books, open_sender(dev=True, timeout_s=2) as sender, open_listener() as listener:
        room = Mailroom(db=db, clock=books.clock, ring=books.cashier.ring, sender=sender, dev=True)
        yield Post(books=books, room=room, listener=listener)


def no(_: Heard) -> int:
    return 500


def yes(_: Heard) -> int:
    return 200
