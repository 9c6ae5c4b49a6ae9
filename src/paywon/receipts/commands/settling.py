"""*Ask* and *learn* of cash receipts: takes the answer, one of four kinds, into our books."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from paywon.base.redaction import redact
from paywon.db.pool import Connection
from paywon.orders import store as orders
from paywon.outbox import store as outbox
from paywon.payments import store as payments
from paywon.payments.commands.cashier import Cashier
from paywon.payments.commands.settling import close, leave_open, leave_unsettled, note_late_answer, refused_for_good
from paywon.payments.model import Attempt, AttemptStatus, Payment
from paywon.receipts import announcing, store
from paywon.receipts.facts import columns_of, shows
from paywon.receipts.model import IssueStatus, Receipt, is_open, next_look
from paywon.toss import wire
from paywon.toss.outcome import Answer, Yes
from paywon.toss.wire import CancelCashReceipt, IssueCashReceipt

Body: TypeAlias = IssueCashReceipt | CancelCashReceipt


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptIntent:
    """A question about a receipt that is on record and may now be asked; ``issue`` is what a cancel cancels.

    ``body`` is None where its seal cannot be opened any more: then the receipt can only be looked for.
    """

    payment: Payment
    receipt: Receipt
    attempt: Attempt
    body: Body | None
    issue: Receipt | None = None


async def ask_and_learn(cashier: Cashier, intent: ReceiptIntent) -> None:
    """Ask Toss what the intent says, with the attempt's own key, and learn from the answer, whatever it is."""
    key = intent.attempt.idempotency_key
    assert key is not None, "only writes are asked here"
    if isinstance(intent.body, IssueCashReceipt):
        answer = await cashier.toss.issue_cash_receipt(intent.body, idempotency_key=key)
    else:
        assert intent.body is not None, "only a question that can be opened is asked"
        assert intent.issue is not None, "a cancel cancels an issue"
        assert intent.issue.receipt_key is not None, "only a receipt that Toss has named is cancelled"
        answer = await cashier.toss.cancel_cash_receipt(intent.issue.receipt_key, intent.body, idempotency_key=key)
    await settle(cashier, intent, answer)


async def settle(cashier: Cashier, intent: ReceiptIntent, answer: Answer[wire.CashReceipt]) -> None:
    """Apply an answer to the books and close its attempt, in one transaction. Unknown leaves it open."""
    async with cashier.db.transaction(about=intent.payment.order_no) as conn:
        await orders.lock_by_no(conn, intent.payment.order_no)
        attempt = await payments.lock_attempt(conn, intent.attempt.id)
        receipt = await store.lock(conn, intent.receipt.id)
        fits = isinstance(answer, Yes) and shows(answer.value, receipt)
        if isinstance(answer, Yes) and fits:
            # What Toss issued is kept even where somebody was faster.
            await learn(conn, receipt, answer.value, now=cashier.clock.now())
        if attempt.status is not AttemptStatus.PENDING:
            await note_late_answer(conn, cashier, attempt, answer.kind, answer.call)
        elif isinstance(answer, Yes) and fits:
            await close(conn, cashier, attempt, AttemptStatus.SUCCESS, outcome="yes", call=answer.call)
        elif isinstance(answer, Yes):
            await leave_open(conn, cashier, attempt, "CONTRADICTION", call=answer.call, answered=True)
        elif (refused := refused_for_good(attempt, answer)) is not None:
            failed = {"outcome": refused.outcome, "code": refused.code, "message": refused.why}
            await close(conn, cashier, attempt, AttemptStatus.FAILED, call=answer.call, **failed)
            await mark_failed(conn, receipt, refused.code, refused.why, now=cashier.clock.now())
        else:
            await leave_unsettled(conn, cashier, attempt, answer)


async def learn(conn: Connection, receipt: Receipt, shown: wire.CashReceipt, *, now: datetime) -> Receipt:
    """Take what Toss shows of a locked receipt into its row, and decide when to look again."""
    if not is_open(receipt):
        return receipt
    columns = columns_of(shown)
    if not 0 <= columns.get("tax_free_amount", 0) <= receipt.amount:
        del columns["tax_free_amount"]  # no part of the amount, whatever it is
    if await store.is_held(conn, shown.receipt_key, beside=receipt.id):
        # Toss documents one key for all cancels of a receipt (toss/api.md 10); the first of ours has it already.
        del columns["receipt_key"]
    learned = await store.update(conn, receipt.id, now, **columns)
    await _tell_refused(conn, receipt, learned, now)
    return await store.update(conn, receipt.id, now, look_again_at=next_look(learned, now))


async def _tell_refused(conn: Connection, before: Receipt, after: Receipt, now: datetime) -> None:
    if after.issue_status is not IssueStatus.FAILED:
        return
    payment = await payments.by_id(conn, after.payment_id)
    order = await orders.by_id(conn, payment.order_id) if payment else None
    assert order is not None, "a receipt has its payment, and that its order (foreign keys)"
    await outbox.append(conn, announcing.refused(order, before, after, now), now)


async def mark_failed(conn: Connection, receipt: Receipt, code: str, why: str, *, now: datetime) -> None:
    """Note on a locked receipt that nothing came of it; its amount is free again."""
    if receipt.issue_status is IssueStatus.PENDING:
        failed = {"fail_code": code, "fail_message": redact(why)}
        await store.update(conn, receipt.id, now, issue_status=IssueStatus.FAILED, look_again_at=None, **failed)
