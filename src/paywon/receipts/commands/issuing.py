"""Issues a cash receipt for a payment, or for a part of it."""

from dataclasses import dataclass, field, replace

from paywon.base.ids import CashReceiptId, PaymentId, new_uuid
from paywon.base.money import Krw
from paywon.db.pool import Connection
from paywon.idempotency import commands as idempotency
from paywon.payments import store as payments
from paywon.payments.commands.cancelling import lock_payment
from paywon.payments.commands.cashier import Cashier, Origin, new_attempt
from paywon.payments.commands.recording import with_question
from paywon.payments.model import AttemptType, Payment
from paywon.receipts import store
from paywon.receipts.commands.queries import carry_out
from paywon.receipts.commands.settling import ReceiptIntent
from paywon.receipts.model import (
    Receipt,
    ReceiptType,
    ReceiptView,
    TransactionType,
    amount_to_issue,
    hint_of,
    order_no_of,
    tax_free_part,
)
from paywon.toss.wire import IssueCashReceipt


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueWish:
    """To whom a receipt is issued: a phone, a receipt card or a business number; ``amount`` None for all there is."""

    type: ReceiptType
    customer_identity_number: str = field(repr=False)
    amount: Krw | None = None
    tax_free_amount: int | None = None


async def issue_receipt(cashier: Cashier, payment_id: PaymentId, wish: IssueWish, origin: Origin) -> ReceiptView:
    """Have Toss issue a receipt; its amount is reserved before Toss is asked.

    Raises:
        PaywonError: nothing or too little is left without a receipt, another is being issued, or Toss refused.
    """
    async with cashier.db.transaction(about=payment_id) as conn:
        intent = await _intend(conn, cashier, payment_id, wish, origin)
    return await carry_out(cashier, intent, payment_id)


async def _intend(
    conn: Connection, cashier: Cashier, payment_id: PaymentId, wish: IssueWish, origin: Origin
) -> ReceiptIntent | CashReceiptId:
    receipt_id, now = CashReceiptId(new_uuid()), cashier.clock.now()
    if (begun := await idempotency.take(conn, origin.claim, receipt_id, now)) is not None:
        return CashReceiptId(begun)
    payment = await lock_payment(conn, payment_id, origin)
    cancels, receipts = await payments.cancels_of(conn, payment.id), await store.of_payment(conn, payment.id)
    amount = amount_to_issue(wish.amount, payment, cancels, receipts)
    attempt = new_attempt(
        cashier,
        AttemptType.CASH_RECEIPT_ISSUE,
        payment,
        origin,
        amount=amount,
        payment_key=payment.payment_key,
    )
    receipt = Receipt(
        id=receipt_id,
        payment_id=payment.id,
        attempt_id=attempt.id,
        type=wish.type,
        transaction_type=TransactionType.CONFIRM,
        amount=amount,
        tax_free_amount=tax_free_part(wish.tax_free_amount, amount, payment, cancels, receipts),
        customer_hint=hint_of(wish.customer_identity_number),
        created_at=now,
        updated_at=now,
    )
    body = _body(payment, receipt, wish)
    return await put_on_record(
        conn, cashier, ReceiptIntent(payment=payment, receipt=receipt, attempt=attempt, body=body)
    )


async def put_on_record(conn: Connection, cashier: Cashier, intent: ReceiptIntent) -> ReceiptIntent:
    """Write the question and the receipt that it is about, which reserves the amount."""
    assert intent.body is not None, "a new question has its body"
    attempt = with_question(cashier.ring, intent.attempt, intent.body)
    await payments.open_attempt(conn, attempt)
    await store.insert(conn, intent.receipt)
    return replace(intent, attempt=attempt)


def _body(payment: Payment, receipt: Receipt, wish: IssueWish) -> IssueCashReceipt:
    return IssueCashReceipt(
        amount=receipt.amount,
        order_id=order_no_of(receipt.id, payment.order_no),
        order_name=payment.order_name or payment.order_no,
        customer_identity_number=wish.customer_identity_number,
        type=receipt.type,
        tax_free_amount=receipt.tax_free_amount or None,
    )
