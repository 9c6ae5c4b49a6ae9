"""What a look answers: each webhook that waited is compared with what its read showed, and with our books after it."""

from dataclasses import replace
from datetime import datetime

from paywon.base.ids import OrderNo, PaymentKey, WebhookEventId
from paywon.inbox import store
from paywon.inbox.claims import Shown, claims_money
from paywon.inbox.commands.reading import Books, books_of
from paywon.inbox.commands.receiving import Inbox
from paywon.inbox.facts import shown_by_toss
from paywon.inbox.model import (
    TOO_MANY_KEYS,
    Heard,
    Hint,
    Outcome,
    Stay,
    WebhookStatus,
    is_known_already,
    outcome_of,
)
from paywon.payments.commands.reading import Reread
from paywon.payments.model import Verdict
from paywon.toss.errors import Refusal
from paywon.toss.outcome import No, Yes

_OF_ANOTHER_ORDER = "KEY_OF_ANOTHER_ORDER"


def known_already(hints: list[Hint], books: Books) -> list[WebhookEventId]:
    """Find the webhooks that say no more than our books have learned: they need no look."""
    return [hint.id for hint in hints if is_known_already(hint, books.shown, books.fact_asked_at)]


async def answers_to(
    inbox: Inbox, order_no: OrderNo, hints: list[Hint], rereads: dict[PaymentKey | None, Reread], *, now: datetime
) -> dict[WebhookEventId, Outcome]:
    """Say what becomes of each webhook: by what its own read showed, else by the first read."""
    books = await books_of(inbox, order_no)
    heard = {key: await _heard(inbox, books, reread) for key, reread in rereads.items()}
    shown = None if books.shown is None else await _dated(inbox, order_no, books.shown)
    first = next(iter(heard), None)
    outcomes: dict[WebhookEventId, Outcome] = {}
    for hint in hints:
        if hint.payment_key is None or hint.payment_key in heard:
            own = heard[hint.payment_key if hint.payment_key in heard else first]
            outcomes[hint.id] = outcome_of(hint, own, shown, now)
        elif hint.proven or claims_money(hint.claim):
            outcomes[hint.id] = Stay(look_at=hint.look_at, looks=hint.looks)  # a later look reads under its key
        else:
            outcomes[hint.id] = (WebhookStatus.IGNORED, TOO_MANY_KEYS)
    return outcomes


async def _heard(inbox: Inbox, books: Books, reread: Reread) -> Heard:
    match reread.answer:
        case Yes() as yes if yes.value.order_id != books.order.order_no:
            return Heard(code=_OF_ANOTHER_ORDER)
        case Yes() as yes if reread.learned is not None and reread.learned.verdict is not Verdict.CONTRADICTS:
            shown = shown_by_toss(yes.value, earlier=books.earlier)
            assert shown is not None, "what was learned has a status that we know"
            return Heard(shown=await _dated(inbox, books.order.order_no, shown))
        case Yes():
            return Heard(contradicts=True)
        case No() as no:
            return Heard(missing=no.refusal is Refusal.NOT_FOUND, code=no.code)
        case other:
            raise AssertionError(f"Toss was not heard: {other}")


async def _dated(inbox: Inbox, order_no: OrderNo, shown: Shown) -> Shown:
    """Add when what is shown happened, as far as a webhook told."""
    if shown.transaction_key is None:
        return shown
    async with inbox.cashier.db.connection() as conn:
        return replace(shown, told_at=await store.told_at(conn, order_no, shown.transaction_key))
