"""Working webhooks: a look at Toss for each order that they speak of, and as few looks as that takes.

A webhook is a hint, and anybody can send one. However many hints of an order wait, one look serves them all; it answers
those that claim no more than it shows, and the others are looked for again. What our books have learned in the meantime
needs no look. Hints that prove empty are believed ever more slowly, and all that nothing proves share one budget a
minute; a proven one waits for neither. All of it stands in PostgreSQL, so it holds for any number of workers.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from paywon.base.ids import WebhookEventId
from paywon.inbox import store
from paywon.inbox.commands.comparing import answers_to, known_already
from paywon.inbox.commands.reading import Books, books_of, read, was_silent, was_taught
from paywon.inbox.commands.receiving import Inbox
from paywon.inbox.commands.recording import rows_for
from paywon.inbox.model import (
    KNOWN_ALREADY,
    OWN_ANSWER,
    WORK_FAILED,
    Hint,
    Look,
    Outcome,
    Stay,
    Timing,
    WebhookStatus,
    after_hearing,
    after_silence,
    within_bounds,
)
from paywon.payments import store as payments

_MANY: Final = 10
_KEPT_OF_AN_ORDER: Final = 100
"""How many webhooks of an order are kept that nothing proved and that are over, once ``_MANY`` came at a time."""
_MINUTE: Final = timedelta(minutes=1)
_log = structlog.get_logger()

Outcomes = Mapping[WebhookEventId, Outcome]


async def claim_looks(inbox: Inbox, most: int) -> Sequence[Look]:
    """Take the looks that are due, ``most`` at most; nobody else gets them before the lease ends."""
    cashier = inbox.cashier
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        looks = await store.due(conn, now, limit=most)
        await store.lease(conn, [look.order_no for look in looks], now + cashier.lease)
    return looks


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
    """Make a look, if it still takes one; answer whether Toss was heard, or need not be."""
    now = inbox.cashier.clock.now()
    hints = await _hints(inbox, due)
    books = await books_of(inbox, due.order_no)
    known: Outcomes = dict.fromkeys(known_already(hints, books), (WebhookStatus.PROCESSED, KNOWN_ALREADY))
    left = [hint for hint in hints if hint.id not in known]
    wanted = [hint for hint in left if hint.look_at <= now]
    patient_until = await _wait_until(inbox, wanted, books, now)
    if not wanted or patient_until is not None:
        await _end(inbox, due, _unmade(due, now, patient_until), hints, known)
        return True
    rereads = await read(inbox, books, wanted)
    if any(was_silent(reread) for reread in rereads.values()):
        return False
    taught = any(was_taught(books, reread) for reread in rereads.values())
    outcomes = await answers_to(inbox, due.order_no, left, rereads, now=inbox.cashier.clock.now())
    timing = after_hearing(due, inbox.cashier.clock.now(), taught=taught)
    await _end(inbox, due, timing, hints, {**known, **outcomes})
    return True


async def _wait_until(inbox: Inbox, wanted: list[Hint], books: Books, now: datetime) -> datetime | None:
    """Answer until when what nothing proves has to wait; None where Toss may be read now.

    What came while a question of ours is under way waits for its answer, which may tell the same; and all of it waits
    for the next minute once this one's looks are spent.
    """
    if not wanted or any(hint.proven for hint in wanted):
        return None
    answer_by = max(hint.received_at for hint in wanted) + OWN_ANSWER
    if books.asks and all(now < hint.received_at + OWN_ANSWER for hint in wanted):
        return answer_by
    return None if await _granted(inbox, now) else now.replace(second=0, microsecond=0) + _MINUTE


async def _granted(inbox: Inbox, now: datetime) -> bool:
    """Take one look out of what all workers may make in a minute; answer whether there was one left."""
    async with inbox.cashier.db.transaction() as conn:
        budget = await store.hold_budget(conn, now)
        budget, granted = budget.grant(now, 1, per_minute=inbox.looks_per_minute)
        await store.set_budget(conn, budget)
    return granted > 0


def _unmade(due: Look, now: datetime, patient_until: datetime | None) -> Timing:
    """Answer when an order may be looked at that was not looked at: as before, or when its hints may ask again."""
    until = patient_until or due.patient_until
    return Timing(not_before=now, patient_until=until, idle=due.idle, unheard=due.unheard)


async def _put_off(inbox: Inbox, due: Look) -> None:
    now = inbox.cashier.clock.now()
    hints = await _hints(inbox, due)
    timing = after_silence(due, now)
    if timing is not None:
        await _end(inbox, due, timing, hints, {})
        return
    failed: Outcomes = dict.fromkeys((hint.id for hint in hints), (WebhookStatus.PARKED, WORK_FAILED))
    await _end(inbox, due, after_hearing(due, now, taught=False), hints, failed)


async def _hints(inbox: Inbox, due: Look) -> list[Hint]:
    """Fetch what waits: what comes later is not answered by this look, which has then begun."""
    async with inbox.cashier.db.connection() as conn:
        waiting = await store.waiting_for(conn, due.order_no)
    return [
        Hint(
            id=event.id,
            payment_key=event.payment_key,
            proven=_is_free(inbox, event),
            proven_late=event.secret_known,
            claim=event.claim,
            received_at=event.received_at,
            look_at=event.look_at,
            looks=event.looks,
            again=event.asked_again_at is not None,
        )
        for event in waiting
    ]


def _is_free(inbox: Inbox, event: store.Waiting) -> bool:
    """Whether an event waits for no budget: it is proven by now, or a person asked for its look."""
    is_proven = inbox.trust.is_proven(event.verdict, event.source_address)
    return is_proven or event.secret_known or event.asked_again_by is not None


def _worked(outcomes: Outcomes) -> set[WebhookEventId]:
    endings = {of: each for of, each in outcomes.items() if not isinstance(each, Stay)}
    return {of for of, (status, _) in endings.items() if status is WebhookStatus.PROCESSED}


async def _end(inbox: Inbox, due: Look, timing: Timing, hints: list[Hint], outcomes: Outcomes) -> None:
    """Settle what was answered, and count what has come in the meantime while no more can."""
    now = inbox.cashier.clock.now()
    async with inbox.cashier.db.transaction(about=due.order_no) as conn:
        await store.hold_look(conn, due.order_no)
        bounded = within_bounds(hints, outcomes, parked=await store.count_doubted(conn, due.order_no))
        await store.believe(conn, [hint.id for hint in hints if hint.proven_late])
        on_record = await rows_for(conn, inbox, due.order_no, _worked(bounded))
        for ending in {each for each in bounded.values() if not isinstance(each, Stay)}:
            await store.finish(conn, [of for of, each in bounded.items() if each == ending], *ending, now)
        for event_id, outcome in bounded.items():
            if isinstance(outcome, Stay):
                await store.let_stay(conn, event_id, outcome)
        for row in on_record:
            await payments.open_attempt(conn, row)
        left = await store.waiting_for(conn, due.order_no)
        free = [event.look_at for event in left if _is_free(inbox, event)]
        others = [event.look_at for event in left if not _is_free(inbox, event)]
        await store.end_look(
            conn,
            due.order_no,
            timing,
            waiting=len(left),
            proven_at=min(free, default=None),
            hinted_at=min(others, default=None),
        )
        if len(bounded) > _MANY:
            dropped = await store.trim_order(conn, due.order_no, keep=_KEPT_OF_AN_ORDER)
            _log.warning("many webhooks of one order", order_no=due.order_no, deleted=dropped)
