"""Refund: all or part of a payment goes back. Both families of doors end here."""

from dataclasses import dataclass, replace
from typing import Final

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, CancelId, PaymentId, PaymentKey, new_uuid
from paywon.base.money import Krw
from paywon.base.redaction import redact
from paywon.db.pool import Connection
from paywon.orders import store as orders
from paywon.orders.model import FulfilmentStatus
from paywon.payments import store
from paywon.payments.attempts import store as attempts
from paywon.payments.bank_refunds import to_pay_again
from paywon.payments.commands.asking import recorded
from paywon.payments.commands.cashier import Cashier, Intent, Origin, begun_before, new_attempt
from paywon.payments.commands.queries import PaymentView, view
from paywon.payments.commands.resolving import carry_out, make_way
from paywon.payments.model import (
    CANCELLING,
    REFUNDABLE,
    Attempt,
    AttemptType,
    Cancel,
    CancelStatus,
    Payment,
    PaymentStatus,
    refundable_amount,
    simple_status,
    tax_free_bounds,
    tax_free_left,
    tax_free_of_refund,
)
from paywon.toss.codes import bank_code
from paywon.toss.wire import CancelPayment, RefundReceiveAccount

DUPLICATE_WITHIN_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundWish:
    """What shall go back: ``amount`` in won, None for all that is left."""

    kind: AttemptType
    reason: str
    amount: Krw | None
    tax_free_amount: Krw | None = None
    account: RefundReceiveAccount | None = None
    # What the door calls the amount, for an error to name.
    amount_field: str = "refundAmount"
    # The question whose place this one takes.
    instead_of: AttemptId | None = None
    # False where the same refund a moment ago is rather this one, sent twice without a key.
    allow_duplicate: bool = True
    # The key that a caller named: nothing is cancelled under another that the payment may have by now.
    payment_key: PaymentKey | None = None


async def refund_payment(cashier: Cashier, payment_id: PaymentId, wish: RefundWish, origin: Origin) -> PaymentView:
    """Cancel all or part of a payment at Toss; the amount is reserved before Toss is asked.

    Where Toss's refusal shows that its balance is another than ours, the payment is read: a refund of all that is left
    is then made of what is left in truth, and one of an amount is refused with the balance, for its caller to decide.

    Raises:
        PaywonError: nothing or too little is left, another request runs, or Toss refused.
    """
    wish = replace(wish, account=known_bank(wish.account))
    intent = await _intended(cashier, payment_id, wish, origin)
    try:
        return await carry_out(cashier, intent)
    except PaywonError as error:
        left = await _left_otherwise(cashier, intent, error)
    if wish.amount is not None:
        extra = {"refundableAmount": left}
        raise PaywonError("BALANCE_CHANGED", field=wish.amount_field, refundable_krw=f"{left:,}", extra=extra)
    # The key of the request stands for the first question, and for this one that takes its place.
    again = replace(wish, instead_of=intent.attempt.id if isinstance(intent, Intent) else None)
    return await carry_out(cashier, await _intended(cashier, payment_id, again, replace(origin, claim=None)))


async def _left_otherwise(cashier: Cashier, intended: Intent | Attempt, error: PaywonError) -> Krw:
    """Return what is left in truth where a refused refund rested on a balance that was none any more.

    Raises:
        PaywonError: the refusal itself where the balance was right; REFUND_NOT_ALLOWED where nothing is left.
    """
    if error.code != "PAYMENT_REFUSED" or not isinstance(intended, Intent):
        raise error
    shown = await view(cashier, payment_id=intended.payment.id)
    if shown.payment.balance_amount == intended.payment.balance_amount:
        raise error
    left = refundable_amount(shown.payment, shown.cancels)
    if left == 0:
        raise PaywonError("REFUND_NOT_ALLOWED", status=simple_status(shown.payment, confirming=False))
    return left


async def _intended(cashier: Cashier, payment_id: PaymentId, wish: RefundWish, origin: Origin) -> Intent | Attempt:
    """Write the question down; one of all that is left takes the place of a part that Toss refuses again and again."""
    try:
        async with cashier.db.transaction(about=payment_id) as conn:
            return await _intend(conn, cashier, payment_id, wish, origin)
    except PaywonError as error:
        if error.code != "PAYMENT_IN_PROGRESS" or not await make_way(cashier, payment_id, wish.amount):
            raise
    async with cashier.db.transaction(about=payment_id) as conn:
        return await _intend(conn, cashier, payment_id, wish, origin)


async def _intend(
    conn: Connection, cashier: Cashier, payment_id: PaymentId, wish: RefundWish, origin: Origin
) -> Intent | Attempt:
    attempt_id = AttemptId(new_uuid())
    if (begun := await begun_before(conn, cashier, origin, attempt_id)) is not None:
        return begun
    payment = await lock_payment(conn, payment_id, origin)
    if wish.payment_key not in (None, payment.payment_key):
        raise PaywonError("PAYMENT_KEY_NOT_CURRENT", field="paymentKey")
    cancels = await store.cancels_of(conn, payment.id)
    if await store.open_attempt_of(conn, payment.id) is None and (again := _to_pay_again(payment, cancels, wish)):
        return await _intend_again(conn, cashier, payment, again, wish, origin, attempt_id)
    # Where nothing is left, that is the truer answer than to ask whether the caller meant it.
    if origin.claim is None and not wish.allow_duplicate and payment.balance_amount != 0:
        await _refuse_duplicate(conn, payment, wish)
    if await store.open_attempt_of(conn, payment.id) is not None:
        raise PaywonError("PAYMENT_IN_PROGRESS", retry_after_s=1)
    amount = _checked_amount(payment, cancels, wish)
    await check_user_refund(conn, cashier, payment, amount, origin)
    tax_free = await _tax_free_part(conn, payment, cancels, amount, wish)
    attempt = new_attempt(
        cashier,
        wish.kind,
        payment,
        origin,
        amount=amount,
        payment_key=payment.payment_key,
        caused_by=wish.instead_of,
        attempt_id=attempt_id,
    )
    attempt = replace(attempt, named_key=wish.payment_key)
    cancel = Cancel(
        id=CancelId(new_uuid()),
        payment_id=payment.id,
        attempt_id=attempt.id,
        cancel_amount=amount,
        cancel_reason=wish.reason,
        cancel_status=CancelStatus.PENDING,
        tax_free_amount=tax_free,
        created_at=attempt.created_at,
    )
    intent = recorded(cashier, Intent(payment=payment, attempt=attempt, body=_body(payment, cancel, wish)))
    await store.open_attempt(conn, intent.attempt)
    await store.insert_cancel(conn, cancel)
    return intent


def _to_pay_again(payment: Payment, cancels: list[Cancel], wish: RefundWish) -> Krw | None:
    """Return how many won a wish sends to another account, the bank having refused the one before; else None.

    Raises:
        PaywonError: REFUND_ACCOUNT_REQUIRED.
    """
    gone = [Krw(each.cancel_amount) for each in cancels if each.cancel_status == CancelStatus.DONE]
    amount = to_pay_again(payment.refund_status, payment.balance_amount, gone)
    if amount is None or wish.amount not in (None, amount) or wish.tax_free_amount is not None:
        return None
    if wish.account is None:
        raise PaywonError("REFUND_ACCOUNT_REQUIRED", field="refundReceiveAccount")
    return Krw(amount)


async def _intend_again(
    conn: Connection,
    cashier: Cashier,
    payment: Payment,
    amount: Krw,
    wish: RefundWish,
    origin: Origin,
    attempt_id: AttemptId,
) -> Intent:
    """Write down the question to send a refund to another account; nothing more goes back, so nothing is reserved."""
    # All of it has gone back by our books, so only what the user keeps counts.
    await check_user_refund(conn, cashier, payment, Krw(payment.balance_amount or 0), origin)
    kind, key = AttemptType.REFUND_AGAIN, payment.payment_key
    attempt = new_attempt(cashier, kind, payment, origin, amount=amount, payment_key=key, attempt_id=attempt_id)
    # Without an amount, for none is left: it says nothing but to which account.
    body = CancelPayment(cancel_reason=wish.reason, refund_receive_account=wish.account)
    intent = recorded(cashier, Intent(payment=payment, attempt=attempt, body=body))
    await store.open_attempt(conn, intent.attempt)
    return intent


def _body(payment: Payment, cancel: Cancel, wish: RefundWish) -> CancelPayment:
    return CancelPayment(
        cancel_reason=cancel.cancel_reason,
        # Absent means all of the balance, and only one single full cancel makes Toss say CANCELED (toss/api.md 2 [M]).
        cancel_amount=None if cancel.cancel_amount == payment.balance_amount else cancel.cancel_amount,
        tax_free_amount=cancel.tax_free_amount or None,
        # The guard of toss/api.md 5.4: if the balance is not what we think, Toss cancels nothing.
        refundable_amount=payment.balance_amount,
        refund_receive_account=wish.account,
    )


async def lock_payment(conn: Connection, payment_id: PaymentId, origin: Origin) -> Payment:
    """Lock a payment's order, then the payment.

    Raises:
        PaywonError: PAYMENT_NOT_FOUND, also for somebody else's.
    """
    found = await store.by_id(conn, payment_id)
    if found is None or origin.owner not in (None, found.user_id):
        raise PaywonError("PAYMENT_NOT_FOUND")
    await orders.lock_by_no(conn, found.order_no)
    payment = await store.lock_by_order(conn, found.order_id)
    assert payment is not None, "payments are never deleted"
    return payment


async def _refuse_duplicate(conn: Connection, payment: Payment, wish: RefundWish) -> None:
    """Refuse what was asked for a moment ago with the same words: without a key nobody can tell it from a repeat."""
    types, reason = list(CANCELLING), redact(wish.reason)
    if await attempts.asked_alike(
        conn, payment.id, types=types, amount=wish.amount, reason=reason, within_s=DUPLICATE_WITHIN_S
    ):
        raise PaywonError("DUPLICATE_REFUND", field="Idempotency-Key")


async def _tax_free_part(
    conn: Connection, payment: Payment, cancels: list[Cancel], amount: Krw, wish: RefundWish
) -> int | None:
    """Return how much of a refund is free of tax, as it was told or in proportion; None where no part of it can be."""
    order = await orders.by_id(conn, payment.order_id)
    assert order is not None, "a payment has its order (foreign key)"
    left, free_left = refundable_amount(payment, cancels), tax_free_left(payment, cancels, order.tax_free_amount)
    told = wish.tax_free_amount
    if told is None:
        return tax_free_of_refund(amount, left, free_left) if free_left else None
    least, most = tax_free_bounds(amount, left, free_left)
    if not least <= told <= most:
        raise PaywonError("TAX_FREE_DOES_NOT_FIT", field="taxFreeAmount", least_krw=f"{least:,}", most_krw=f"{most:,}")
    return told


def _checked_amount(payment: Payment, cancels: list[Cancel], wish: RefundWish) -> Krw:
    left = refundable_amount(payment, cancels)
    if payment.status not in REFUNDABLE or left == 0:
        raise PaywonError("REFUND_NOT_ALLOWED", status=simple_status(payment, confirming=False))
    amount = left if wish.amount is None else wish.amount
    if amount > left:
        raise PaywonError("REFUND_EXCEEDS_BALANCE", field=wish.amount_field, refundable_krw=f"{left:,}")
    if wish.tax_free_amount is not None and wish.tax_free_amount > amount:
        raise PaywonError("TAX_FREE_ABOVE_AMOUNT", field="taxFreeAmount")
    waiting = payment.status is PaymentStatus.WAITING_FOR_DEPOSIT
    if payment.virtual_account is not None and not waiting and wish.account is None:
        raise PaywonError("REFUND_ACCOUNT_REQUIRED", field="refundReceiveAccount")
    return amount


async def check_user_refund(conn: Connection, cashier: Cashier, payment: Payment, amount: Krw, origin: Origin) -> None:
    """See that an app's own user takes no money back for what they keep, or are going to be given all the same.

    Raises:
        PaywonError: REFUND_NEEDS_SHOP.
    """
    if origin.owner is None or cashier.users_refund_fulfilled or payment.approved_at is None:
        return
    order = await orders.by_id(conn, payment.order_id)
    assert order is not None, "a payment has its order (foreign key)"
    # A partial refund takes nothing back that is handed over, then or later.
    partial = amount != payment.balance_amount and order.fulfilment_status is not FulfilmentStatus.NONE
    if partial or order.fulfilment_status is FulfilmentStatus.FULFILLED:
        raise PaywonError("REFUND_NEEDS_SHOP")


def known_bank(account: RefundReceiveAccount | None) -> RefundReceiveAccount | None:
    """Answer an account with its bank by code.

    Raises:
        PaywonError: UNKNOWN_BANK.
    """
    if account is None:
        return None
    code = bank_code(account.bank)
    if code is None:
        raise PaywonError("UNKNOWN_BANK", field="refundReceiveAccount.bank")
    return RefundReceiveAccount(bank=code, account_number=account.account_number, holder_name=account.holder_name)
