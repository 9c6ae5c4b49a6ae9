"""The resolver of this room: finishes issues and cancels whose answer, or whose process, was lost."""

from dataclasses import dataclass, replace
from typing import Final

import msgspec
import structlog

from paywon.db.pool import Connection
from paywon.orders import store as orders
from paywon.payments import store as payments
from paywon.payments.attempts import store as attempts
from paywon.payments.commands.cashier import Cashier, Origin
from paywon.payments.commands.listing import ListsOnRecord
from paywon.payments.commands.recording import question_of, with_question
from paywon.payments.commands.resolving import succeed_attempt, take_up_due
from paywon.payments.commands.settling import close, leave_open
from paywon.payments.model import Attempt, AttemptStatus, AttemptType
from paywon.payments.recovery import Step
from paywon.receipts import store
from paywon.receipts.commands.settling import Body, ReceiptIntent, ask_and_learn, learn, mark_failed
from paywon.receipts.facts import is_a_cancel, is_the_issue
from paywon.receipts.model import ABOUT_RECEIPTS
from paywon.receipts.recovery import Seen, days_of, key_still_serves, next_step
from paywon.toss import wire
from paywon.toss.body import Lost
from paywon.toss.paging import PageNotRead, all_cash_receipts
from paywon.toss.wire import CancelCashReceipt, IssueCashReceipt

_log = structlog.get_logger()
_ORIGIN: Final = Origin(actor="system:resolver")
# Our own word for what Toss's lists show.
_NOT_LISTED: Final = "NOT_LISTED"
_SHAPE: Final[dict[AttemptType, type[Body]]] = {
    AttemptType.CASH_RECEIPT_ISSUE: IssueCashReceipt,
    AttemptType.CASH_RECEIPT_CANCEL: CancelCashReceipt,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sighting:
    seen: Seen
    shown: wire.CashReceipt | None = None


async def resolve_due(cashier: Cashier) -> int:
    """Take up the open issues and cancels whose time has come, and do the next step for each; answer how many."""
    return await take_up_due(cashier, ABOUT_RECEIPTS, _resolve)


async def look_now(cashier: Cashier, attempt: Attempt) -> Seen:
    """Look for a receipt in Toss's lists at once, because a person asks, and learn it if it is there."""
    intent = await _reopened(cashier, attempt)
    sighting = await _look(cashier, intent)
    if sighting.seen is Seen.FOUND:
        await _do(cashier, Step.SUCCEEDED, intent, sighting)
    return sighting.seen


async def _resolve(cashier: Cashier, attempt: Attempt) -> None:
    intent, now = await _reopened(cashier, attempt), cashier.clock.now()
    if intent.body is not None and key_still_serves(attempt, now):
        await ask_and_learn(cashier, intent)
        return
    sighting = await _look(cashier, intent)
    step = next_step(intent.receipt, sighting.seen, now, refusals=await _refusals(cashier, attempt))
    if intent.body is None and step is Step.ASK_ANEW:
        _log.error("a receipt's question cannot be opened; is a key missing in PAYWON_SECRET_KEYS?", id=str(attempt.id))
        step = Step.WAIT
    _log.info("resolving", attempt=str(attempt.id), type=attempt.type, step=step.value)
    if (anew := await _do(cashier, step, intent, sighting)) is not None:
        await ask_and_learn(cashier, anew)


async def _refusals(cashier: Cashier, attempt: Attempt) -> int:
    """Count how many keys of a question Toss has given the same final failure; a 2xx that says nothing is none."""
    if not attempt.answered or 200 <= (attempt.http_status or 0) < 300:
        return 0
    async with cashier.db.connection() as conn:
        return await attempts.refusals_in_line(conn, attempt)


async def _reopened(cashier: Cashier, attempt: Attempt) -> ReceiptIntent:
    """Answer the intent of an open attempt as it was recorded; without a body where its seal cannot be opened."""
    assert attempt.payment_id is not None, "a receipt is a payment's"
    async with cashier.db.connection() as conn:
        payment = await payments.by_id(conn, attempt.payment_id)
        receipt = await store.by_attempt(conn, attempt.id)
        assert payment is not None, "payments are never deleted"
        assert receipt is not None, "it was written with its attempt"
        issue = await store.by_id(conn, receipt.cancels_id) if receipt.cancels_id else None
    whole = question_of(cashier.ring, attempt)
    body = None if whole is None else msgspec.convert(whole["body"], _SHAPE[attempt.type])
    return ReceiptIntent(payment=payment, receipt=receipt, attempt=attempt, body=body, issue=issue)


async def _look(cashier: Cashier, intent: ReceiptIntent) -> _Sighting:
    """Look for a receipt in Toss's lists of the days on which it may have been asked for, to their end."""
    lists = ListsOnRecord(cashier=cashier, origin=_ORIGIN, caused_by=intent.attempt.id)
    unread: list[Lost] = []
    try:
        for day in days_of(intent.receipt, cashier.clock.now()):
            async for shown in all_cash_receipts(lists, day, unread=unread):
                if await _is_it(cashier, shown, intent):
                    return _Sighting(seen=Seen.FOUND, shown=shown)
    except PageNotRead:
        return _Sighting(seen=Seen.UNREAD)
    # A row that could not be read may be the one.
    return _Sighting(seen=Seen.UNREAD if unread else Seen.MISSING)


async def _is_it(cashier: Cashier, shown: wire.CashReceipt, intent: ReceiptIntent) -> bool:
    receipt = intent.receipt
    if intent.issue is None:
        return is_the_issue(shown, receipt, intent.payment.order_no)
    if not is_a_cancel(shown, receipt, intent.issue):
        return False
    async with cashier.db.connection() as conn:
        return not await store.is_held(conn, shown.receipt_key, beside=receipt.id)


async def _do(cashier: Cashier, step: Step, intent: ReceiptIntent, sighting: _Sighting) -> ReceiptIntent | None:
    """Close, put off or replace the attempt; answer the intent that replaces it and may now be asked."""
    async with cashier.db.transaction() as conn:
        await orders.lock_by_no(conn, intent.payment.order_no)
        attempt = await payments.lock_attempt(conn, intent.attempt.id)
        receipt = await store.lock(conn, intent.receipt.id)
        if attempt.status is not AttemptStatus.PENDING:
            return None  # its own process came back and closed it
        if step is Step.SUCCEEDED and sighting.shown is not None:
            await learn(conn, receipt, sighting.shown, now=cashier.clock.now())
            await close(conn, cashier, attempt, AttemptStatus.SUCCESS, outcome="yes")
        elif step is Step.FAILED:
            code, why = attempt.error_code or _NOT_LISTED, attempt.error_message or ""
            await close(conn, cashier, attempt, AttemptStatus.FAILED, outcome="no", code=code, message=why)
            await mark_failed(conn, receipt, code, why, now=cashier.clock.now())
        elif step is Step.ASK_ANEW:
            return await _ask_anew(conn, cashier, replace(intent, attempt=attempt))
        else:
            await leave_open(conn, cashier, attempt, attempt.error_code or "NO_ANSWER")
    return None


async def _ask_anew(conn: Connection, cashier: Cashier, intent: ReceiptIntent) -> ReceiptIntent:
    """Close an attempt that Toss answered with a passing failure, and open the next one with its own key."""
    assert intent.body is not None, "only a question that can be opened is asked"
    attempt = with_question(cashier.ring, await succeed_attempt(conn, cashier, intent.attempt), intent.body)
    await payments.open_attempt(conn, attempt)
    await store.update(conn, intent.receipt.id, cashier.clock.now(), attempt_id=attempt.id)
    return replace(intent, attempt=attempt)
