"""Cancels a cash receipt, all of it or a part."""

from dataclasses import dataclass

from paywon.base.ids import CashReceiptId, PaymentId, new_uuid
from paywon.base.money import Krw
from paywon.db.pool import Connection
from paywon.idempotency import commands as idempotency
from paywon.payments.commands.cancelling import lock_payment
from paywon.payments.commands.cashier import Cashier, Origin, new_attempt
from paywon.payments.model import AttemptType
from paywon.receipts import store
from paywon.receipts.commands.issuing import put_on_record
from paywon.receipts.commands.queries import carry_out, issue_of
from paywon.receipts.commands.settling import ReceiptIntent
from paywon.receipts.model import Receipt, ReceiptView, TransactionType, amount_to_cancel
from paywon.toss.wire import CancelCashReceipt


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelWish:
    """Which receipt of which payment is cancelled; ``amount`` None for all that it still stands for."""

    payment_id: PaymentId
    receipt_id: CashReceiptId
    amount: Krw | None = None


async def cancel_receipt(cashier: Cashier, wish: CancelWish, origin: Origin) -> ReceiptView:
    """Have Toss cancel a receipt; answers the cancel, which is a receipt of its own.

    Raises:
        PaywonError: there is no such receipt, nothing or too little is left of it, or Toss refused.
    """
    async with cashier.db.transaction(about=wish.payment_id) as conn:
        intent = await _intend(conn, cashier, wish, origin)
    return await carry_out(cashier, intent, wish.payment_id)


async def _intend(
    conn: Connection, cashier: Cashier, wish: CancelWish, origin: Origin
) -> ReceiptIntent | CashReceiptId:
    cancel_id, now = CashReceiptId(new_uuid()), cashier.clock.now()
    if (begun := await idempotency.take(conn, origin.claim, cancel_id, now)) is not None:
        return CashReceiptId(begun)
    payment = await lock_payment(conn, wish.payment_id, origin)
    receipts = await store.of_payment(conn, payment.id)
    issue = issue_of(receipts, wish.receipt_id)
    amount = amount_to_cancel(wish.amount, issue, receipts)
    attempt = new_attempt(
        cashier,
        AttemptType.CASH_RECEIPT_CANCEL,
        payment,
        origin,
        amount=amount,
        payment_key=payment.payment_key,
    )
    cancel = Receipt(
        id=cancel_id,
        payment_id=payment.id,
        attempt_id=attempt.id,
        cancels_id=issue.id,
        type=issue.type,
        transaction_type=TransactionType.CANCEL,
        amount=amount,
        customer_hint=issue.customer_hint,
        created_at=now,
        updated_at=now,
    )
    # Absent means all of it (toss/api.md 10).
    body = CancelCashReceipt(amount=None if amount == issue.amount else amount)
    intent = ReceiptIntent(payment=payment, receipt=cancel, attempt=attempt, body=body, issue=issue)
    return await put_on_record(conn, cashier, intent)
