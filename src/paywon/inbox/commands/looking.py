"""Working webhooks: a look at Toss for each order that they speak of, and as few looks as that takes.

A webhook is a hint, and anybody can send one. However many hints of an order wait, one look answers them all. Hints
that prove empty are believed ever more slowly, and all that nothing proves share one budget a minute; a proven one
waits for neither. All of it stands in PostgreSQL, so it holds for any number of workers.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, TypeAlias

import structlog

from paywon.base.ids import PaymentKey, WebhookEventId
from paywon.inbox import store
from paywon.inbox.commands.receiving import Inbox
from paywon.inbox.model import (
    TOO_MANY_KEYS,
    WORK_FAILED,
    Hint,
    Look,
    Timing,
    WebhookStatus,
    after_hearing,
    after_silence,
    keys_to_look_under,
)
from paywon.payments import store as payments
from paywon.payments.commands import reading
from paywon.payments.commands.cashier import Origin
from paywon.payments.commands.reading import Reread
from paywon.payments.model import Payment, Verdict
from paywon.toss.errors import Refusal
from paywon.toss.outcome import No, NotSent, Unknown, Yes

_ORIGIN: Final = Origin(actor="system:inbox")
_MANY: Final = 10
_KEPT_OF_AN_ORDER: Final = 100
"""How many webhooks of one order are kept that nothing proved and that are over, once ``_MANY`` came at a time."""
_log = structlog.get_logger()

Ending: TypeAlias = tuple[WebhookStatus, str | None]


async def claim_looks(inbox: Inbox, most: int) -> Sequence[Look]:
    """Take the looks that are due, ``most`` at most; nobody else gets them before the lease ends."""
    cashier = inbox.cashier
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        looks = await store.due(conn, now, limit=most)
        proven = [look for look in looks if look.proven]
        hinted = [look for look in looks if not look.proven]
        if hinted:
            budget = await store.hold_budget(conn, now)
            budget, granted = budget.grant(now, len(hinted), per_minute=inbox.looks_per_minute)
            await store.set_budget(conn, budget)
            hinted = hinted[:granted]
        claimed = proven + hinted
        await store.lease(conn, [look.order_no for look in claimed], now + cashier.lease)
    return claimed


async def look(inbox: Inbox, due: Look) -> None:
    """Read an order's payment from Toss, learn what it shows, and say what has become of the webhooks that waited.

    Where Toss could not be heard, or something broke, the look comes again; at last the webhooks are parked.
    """
    try:
        if await _look(inbox, due):
            return
    except Exception:
        _log.exception("a look that webhooks asked for broke off", order_no=due.order_no)
    try:
        await _put_off(inbox, due)
    except Exception:
        # Perhaps the database is away: the lease ends by itself.
        _log.exception("a look that webhooks asked for could not be put off", order_no=due.order_no)


async def _look(inbox: Inbox, due: Look) -> bool:
    """Make a look; answer whether Toss was heard."""
    clock = inbox.cashier.clock
    hints = await _hints(inbox, due)
    payment = await reading.payment_of(inbox.cashier, due.order_no)
    assert payment is not None, "an order is looked at because it is ours"
    rereads = await _read(inbox, payment, hints)
    if any(_is_silence(reread) for reread in rereads.values()):
        return False
    taught = any(_teaches(payment, reread) for reread in rereads.values())
    await _end(inbox, due, after_hearing(due, clock.now(), taught=taught), _endings(hints, rereads))
    return True


async def _put_off(inbox: Inbox, due: Look) -> None:
    now = inbox.cashier.clock.now()
    timing = after_silence(due, now)
    if timing is not None:
        await _end(inbox, due, timing, {})
        return
    hints = await _hints(inbox, due)
    ending = (WebhookStatus.PARKED, WORK_FAILED)
    await _end(inbox, due, after_hearing(due, now, taught=False), {ending: [hint.id for hint in hints]})


async def _hints(inbox: Inbox, due: Look) -> list[Hint]:
    """Fetch what waits: what comes later is not answered by this look, which has then begun."""
    async with inbox.cashier.db.connection() as conn:
        waiting = await store.waiting_for(conn, due.order_no)
    return [Hint(id=event.id, payment_key=event.payment_key, proven=_is_proven(inbox, event)) for event in waiting]


def _is_proven(inbox: Inbox, event: store.Waiting) -> bool:
    return inbox.trust.is_proven(event.verdict, event.source_address)


async def _read(inbox: Inbox, payment: Payment, hints: list[Hint]) -> dict[PaymentKey | None, Reread]:
    """Read from Toss what the hints name, up to the first answer that is none."""
    rereads: dict[PaymentKey | None, Reread] = {}
    if not hints:
        return rereads
    async with inbox.cashier.db.connection() as conn:
        known = await payments.keys_of(conn, payment.id)
    for key in keys_to_look_under(hints, known):
        rereads[key] = await reading.read_from_toss(inbox.cashier, payment, _ORIGIN, payment_key=key)
        if _is_silence(rereads[key]):
            break
    return rereads


def _is_silence(reread: Reread) -> bool:
    """Whether Toss told nothing of the payment: it was not heard, or it does not let us in."""
    match reread.answer:
        case Yes():
            return False
        case No() as no:
            return no.refusal is Refusal.MERCHANT
        case NotSent() | Unknown():
            return True


def _teaches(before: Payment, reread: Reread) -> bool:
    """Whether a look showed anything that we did not know."""
    if reread.learned is None or reread.learned.payment is None:
        return False
    after = reread.learned.payment
    return reread.learned.verdict is Verdict.STRAY or any(
        getattr(before, name) != getattr(after, name)
        for name in ("status", "payment_key", "balance_amount", "last_transaction_key")
    )


def _endings(hints: list[Hint], rereads: dict[PaymentKey | None, Reread]) -> dict[Ending, list[WebhookEventId]]:
    """Say what has become of each hint: what its own look showed, else the first look."""
    endings: dict[Ending, list[WebhookEventId]] = defaultdict(list)
    first = next(iter(rereads), None)
    for hint in hints:
        if hint.payment_key is None or hint.payment_key in rereads:
            looked = rereads[hint.payment_key if hint.payment_key in rereads else first]
            endings[_ending(looked, proven=hint.proven)].append(hint.id)
        else:
            status = WebhookStatus.PARKED if hint.proven else WebhookStatus.IGNORED
            endings[(status, TOO_MANY_KEYS)].append(hint.id)
    return endings


def _ending(reread: Reread, *, proven: bool) -> Ending:
    match reread.answer:
        case Yes() if reread.learned is not None and reread.learned.verdict is not Verdict.CONTRADICTS:
            return WebhookStatus.PROCESSED, None
        case Yes():
            return WebhookStatus.PARKED, "CONTRADICTS_OUR_BOOKS"
        case No() as no:
            # What anybody may have made up, and Toss knows nothing of, is nobody's to look at.
            return (WebhookStatus.PARKED if proven else WebhookStatus.IGNORED), no.code
        case other:
            raise AssertionError(f"Toss was not heard: {other}")


async def _end(inbox: Inbox, due: Look, timing: Timing, endings: dict[Ending, list[WebhookEventId]]) -> None:
    """Settle what was answered, and count what has come in the meantime while no more can."""
    now = inbox.cashier.clock.now()
    async with inbox.cashier.db.transaction(about=due.order_no) as conn:
        await store.hold_look(conn, due.order_no)
        for (status, reason), ids in endings.items():
            await store.finish(conn, ids, status, reason, now)
        left = await store.waiting_for(conn, due.order_no)
        proven = any(_is_proven(inbox, event) for event in left)
        await store.end_look(conn, due.order_no, timing, waiting=len(left), proven=proven)
        if sum(map(len, endings.values())) > _MANY:
            dropped = await store.trim_order(conn, due.order_no, keep=_KEPT_OF_AN_ORDER)
            _log.warning("many webhooks of one order", order_no=due.order_no, deleted=dropped)
