"""Issues a virtual account for an order: the customer pays later, by a transfer of exactly that amount."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, OrderNo, new_uuid
from paywon.base.money import Krw
from paywon.db.pool import Connection
from paywon.payments import store
from paywon.payments.commands.asking import recorded
from paywon.payments.commands.cashier import Cashier, Intent, Origin, begun_before, new_attempt
from paywon.payments.commands.paying import (
    Intended,
    Payable,
    amount_refused,
    check_can_pay,
    go_on,
    lock_to_pay,
    order_no_of,
)
from paywon.payments.commands.queries import PaymentView
from paywon.payments.minima import check_minimum
from paywon.payments.model import AttemptType, Payment, PaymentMethod
from paywon.toss.codes import bank_code
from paywon.toss.wire import IssueVirtualAccount, VirtualAccountReceipt

MAX_DUE: Final = timedelta(days=90)
"""toss/api.md 6."""
DEFAULT_DUE: Final = timedelta(days=7)
"""How long Toss leaves an account open for which nothing else is asked (toss/api.md 6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountWish:
    """What account to issue. ``bank`` by code, Korean or English name; ``valid_hours`` or ``due_date``, not both."""

    order_no: OrderNo
    bank: str
    customer_name: str
    amount: Krw | None = None
    order_name: str | None = None
    valid_hours: int | None = None
    due_date: datetime | None = None
    customer_email: str | None = None
    customer_mobile_phone: str | None = None
    cash_receipt: VirtualAccountReceipt | None = None


async def issue_account(cashier: Cashier, wish: AccountWish, origin: Origin) -> PaymentView:
    """Have Toss issue an account for an order, once; a second wish for the same bank answers the same account.

    Raises:
        PaywonError: the order cannot be paid, the amount differs, a field does not fit, or Toss refused.
    """
    now = cashier.clock.now()
    wish = _checked(wish, now)
    if origin.owner is not None:
        wish = _of_user(wish, now, cashier.limits.longest_of_user)
    wish = replace(wish, order_no=await order_no_of(cashier, wish.order_no))
    async with cashier.db.transaction(about=wish.order_no) as conn:
        intent = await _intend(conn, cashier, wish, origin)
    return await go_on(cashier, intent)


def _checked(wish: AccountWish, now: datetime) -> AccountWish:
    code = bank_code(wish.bank)
    if code is None:
        raise PaywonError("UNKNOWN_BANK", field="bank")
    if wish.due_date is not None and wish.valid_hours is not None:
        raise PaywonError("DUE_DATE_TWICE", field="dueDate")
    if wish.due_date is not None and not now < wish.due_date <= now + MAX_DUE:
        raise PaywonError("DUE_DATE_OUT_OF_RANGE", field="dueDate")
    return replace(wish, bank=code)


def _of_user(wish: AccountWish, now: datetime, longest: timedelta) -> AccountWish:
    """See that a user's token has an order wait for its deposit no longer than any order of a user's waits.

    Raises:
        PaywonError: EXPIRES_AT_TOO_FAR.
    """
    latest = now + longest
    until = latest.isoformat(timespec="seconds")
    if wish.due_date is not None and wish.due_date > latest:
        raise PaywonError("EXPIRES_AT_TOO_FAR", field="dueDate", latest=until)
    if wish.valid_hours is not None and timedelta(hours=wish.valid_hours) > longest:
        raise PaywonError("EXPIRES_AT_TOO_FAR", field="validHours", latest=until)
    if wish.due_date is None and wish.valid_hours is None and longest < DEFAULT_DUE:
        return replace(wish, valid_hours=max(1, longest // timedelta(hours=1)))
    return wish


async def _intend(conn: Connection, cashier: Cashier, wish: AccountWish, origin: Origin) -> Intended:
    attempt_id = AttemptId(new_uuid())
    if (begun := await begun_before(conn, cashier, origin, attempt_id)) is not None:
        return begun
    payable = await lock_to_pay(conn, cashier, wish.order_no, origin)
    kind = AttemptType.VIRTUAL_ACCOUNT_ISSUE
    attempt = new_attempt(cashier, kind, payable.payment, origin, amount=payable.order.amount, attempt_id=attempt_id)
    told = {"orderId": wish.order_no, "amount": wish.amount}
    if (refused := await amount_refused(conn, payable, attempt, wish.amount, told)) is not None:
        return refused
    running = await store.open_attempt_of(conn, payable.payment.id)
    if running is not None and running.type is kind:
        return running
    if _is_issued(payable.payment, wish.bank):
        return payable.payment
    check_minimum(payable.order.amount, PaymentMethod.VIRTUAL_ACCOUNT)
    check_can_pay(payable, cashier.clock.now())
    intent = recorded(cashier, Intent(payment=payable.payment, attempt=attempt, body=_body(payable, wish)))
    await store.open_attempt(conn, intent.attempt)
    await _note_customer(conn, payable.payment, wish, cashier.clock.now())
    return intent


def _is_issued(payment: Payment, bank: str) -> bool:
    return payment.awaits_deposit and (payment.virtual_account or {}).get("bankCode") == bank


def _body(payable: Payable, wish: AccountWish) -> IssueVirtualAccount:
    return IssueVirtualAccount(
        amount=payable.order.amount,
        order_id=payable.order.order_no,
        order_name=wish.order_name or payable.order.order_name,
        customer_name=wish.customer_name,
        bank=wish.bank,
        valid_hours=wish.valid_hours,
        due_date=wish.due_date,
        customer_email=wish.customer_email,
        customer_mobile_phone=wish.customer_mobile_phone,
        tax_free_amount=payable.order.tax_free_amount or None,
        cash_receipt=wish.cash_receipt,
    )


async def _note_customer(conn: Connection, payment: Payment, wish: AccountWish, now: datetime) -> None:
    customer = {
        "name": wish.customer_name,
        "email": wish.customer_email,
        "mobilePhone": wish.customer_mobile_phone,
    }
    known = {name: value for name, value in customer.items() if value}
    method = PaymentMethod.VIRTUAL_ACCOUNT
    await store.update_payment(conn, payment.id, now, customer=known, payment_method=method)
