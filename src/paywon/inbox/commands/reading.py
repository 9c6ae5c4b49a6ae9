"""Reading Toss for the webhooks of an order, and what our books show of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from paywon.base.ids import OrderNo, PaymentKey
from paywon.inbox.claims import Shown
from paywon.inbox.commands.receiving import Inbox
from paywon.inbox.facts import shown_by_books
from paywon.inbox.model import Hint, keys_to_look_under
from paywon.orders import store as orders
from paywon.orders.model import Order
from paywon.payments import store as payments
from paywon.payments.commands import reading
from paywon.payments.commands.cashier import Origin
from paywon.payments.commands.reading import Reread
from paywon.payments.model import Payment, Verdict
from paywon.toss.errors import Refusal
from paywon.toss.outcome import No, NotSent, Unknown, Yes

_ORIGIN: Final = Origin(actor="system:inbox")


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What our books have of an order that webhooks speak of.

    ``payment`` is None where nobody has tried to pay, ``shown`` where Toss has named none yet. ``asks``: whether a
    question of ours that moves its money is under way. ``earlier``: the keys of all transitions that we were shown.
    """

    order: Order
    payment: Payment | None
    shown: Shown | None = None
    known_keys: list[PaymentKey] = field(default_factory=list)
    asks: bool = False
    earlier: frozenset[str] = frozenset()

    @property
    def fact_asked_at(self) -> datetime | None:
        return self.payment.fact_asked_at if self.payment else None


async def books_of(inbox: Inbox, order_no: OrderNo) -> Books:
    """Fetch what our books have of an order."""
    async with inbox.cashier.db.connection() as conn:
        order = await orders.by_no(conn, order_no)
        assert order is not None, "an order is looked at because it is ours"
        payment = await payments.by_order_no(conn, order_no)
        if payment is None:
            return Books(order=order, payment=None)
        earlier = frozenset(await payments.transaction_keys_of(conn, payment.id))
        cancels = await payments.cancels_of(conn, payment.id)
        return Books(
            order=order,
            payment=payment,
            shown=shown_by_books(payment, cancels, earlier=earlier) if payment.payment_key else None,
            known_keys=await payments.keys_of(conn, payment.id),
            asks=await payments.open_attempt_of(conn, payment.id) is not None,
            earlier=earlier,
        )


async def read(inbox: Inbox, books: Books, hints: list[Hint]) -> dict[PaymentKey | None, Reread]:
    """Read from Toss what the hints name, up to the first answer that is none."""
    rereads: dict[PaymentKey | None, Reread] = {}
    about = books.payment or books.order
    for key in keys_to_look_under(hints, books.known_keys):
        rereads[key] = await reading.read_from_toss(inbox.cashier, about, _ORIGIN, payment_key=key)
        if was_silent(rereads[key]):
            break
    return rereads


def was_silent(reread: Reread) -> bool:
    """Whether Toss told nothing of the payment: it was not heard, or it does not let us in."""
    match reread.answer:
        case Yes():
            return False
        case No() as no:
            return no.refusal is Refusal.MERCHANT
        case NotSent() | Unknown():
            return True


def was_taught(books: Books, reread: Reread) -> bool:
    """Whether a look showed anything that we did not know."""
    if reread.learned is None or reread.learned.payment is None:
        return False
    before, after = books.payment, reread.learned.payment
    return reread.learned.verdict is Verdict.STRAY or any(
        before is None or getattr(before, name) != getattr(after, name)
        for name in ("status", "payment_key", "balance_amount", "last_transaction_key")
    )
