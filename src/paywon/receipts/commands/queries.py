"""What we know of cash receipts, and what asking for one has come to."""

from dataclasses import dataclass

from paywon.base.errors import PaywonError
from paywon.base.ids import CashReceiptId, PaymentId
from paywon.base.money import Krw
from paywon.payments import store as payments
from paywon.payments.commands.cashier import Cashier, Origin
from paywon.payments.commands.queries import find_by_id
from paywon.payments.commands.settling import error_of
from paywon.payments.model import AttemptStatus, Payment
from paywon.receipts import store
from paywon.receipts.commands.settling import ReceiptIntent, ask_and_learn
from paywon.receipts.model import Receipt, ReceiptView, excess_amount, issuable_amount


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReceipts:
    """A payment with its receipts; ``issuable``: for how many won another may be issued.

    ``excess``: for how many won receipts stand whose money has gone back, and that are to be cancelled.
    """

    payment: Payment
    receipts: list[Receipt]
    issuable: Krw
    excess: Krw


async def list_receipts(cashier: Cashier, payment_id: PaymentId, origin: Origin) -> PaymentReceipts:
    """Fetch a payment's receipts, failed ones and cancels included.

    Raises:
        PaywonError: PAYMENT_NOT_FOUND, also for somebody else's.
    """
    view = await find_by_id(cashier, payment_id, origin)
    async with cashier.db.connection() as conn:
        receipts = await store.of_payment(conn, payment_id)
    issuable = issuable_amount(view.payment, view.cancels, receipts)
    excess = excess_amount(view.payment, view.cancels, receipts)
    return PaymentReceipts(payment=view.payment, receipts=receipts, issuable=issuable, excess=excess)


async def carry_out(cashier: Cashier, intended: ReceiptIntent | CashReceiptId, payment_id: PaymentId) -> ReceiptView:
    """Ask what was intended about a receipt, unless it is asked already, and answer what it has come to."""
    receipt_id = intended.receipt.id if isinstance(intended, ReceiptIntent) else intended
    work = ask_and_learn(cashier, intended) if isinstance(intended, ReceiptIntent) else None
    poll_at = f"/payments/{payment_id}/cash-receipts"
    return await cashier.see_through(work, lambda: conclude(cashier, receipt_id), poll_at=poll_at)


async def conclude(cashier: Cashier, receipt_id: CashReceiptId) -> ReceiptView:
    """Answer what asking for a receipt has come to; its newest attempt speaks for it.

    Raises:
        PaywonError: Toss refused it, or it could not be sent.
    """
    async with cashier.db.connection() as conn:
        receipt = await store.by_id(conn, receipt_id)
        assert receipt is not None, "receipts are never deleted"
        attempt = await payments.attempt_by_id(conn, receipt.attempt_id) if receipt.attempt_id else None
    if attempt is not None and attempt.status is AttemptStatus.FAILED:
        raise error_of(attempt)
    return ReceiptView(receipt=receipt, attempt=attempt)


def issue_of(receipts: list[Receipt], receipt_id: CashReceiptId) -> Receipt:
    """Find an issue among a payment's receipts; a cancel cannot be cancelled.

    Raises:
        PaywonError: CASH_RECEIPT_NOT_FOUND.
    """
    for receipt in receipts:
        if receipt.id == receipt_id and receipt.cancels_id is None:
            return receipt
    raise PaywonError("CASH_RECEIPT_NOT_FOUND")
