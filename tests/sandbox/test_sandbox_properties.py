"""Whatever is asked for, the money adds up."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.journal import Journal
from paywon_sandbox.core.money import tax_split
from paywon_sandbox.core.records import PaymentRecord
from paywon_sandbox.core.store import Account, Store
from paywon_sandbox.core.values import Payment
from paywon_sandbox.rules.books import settlements
from paywon_sandbox.rules.cancel import CancelRequest, cancel
from paywon_sandbox.rules.confirm import ConfirmRequest, confirm
from paywon_sandbox.rules.create import create_payment, read_create
from paywon_sandbox.rules.ledger import fee
from paywon_sandbox.rules.params import Params
from paywon_sandbox.rules.window import authenticate, read_choice

URL = "http://shop.example/"


def paid(amount: int, points_krw: int, tax_free: int, exemption: int = 0) -> tuple[Account, PaymentRecord]:
    store = Store(Journal(None))
    account = store.account("test_sk_properties")
    request = {"orderId": "order-1", "orderName": "셔츠", "amount": amount, "taxFreeAmount": tax_free}
    request["taxExemptionAmount"] = exemption
    wanted = read_create(Params(request | {"successUrl": URL, "failUrl": URL}), method_required=False)
    record = create_payment(store, account, wanted, "http://localhost")
    choice = read_choice(Params({"method": "EASY_PAY", "pointsAmount": points_krw}), record)
    authenticate(account, record, "approve", choice)
    key = record.payment.payment_key
    confirm(account, ConfirmRequest(payment_key=key, order_id="order-1", amount=amount), "http://localhost")
    return account, record


@st.composite
def payments(draw: st.DrawFn) -> tuple[Account, PaymentRecord]:
    amount = draw(st.integers(100, 100_000))
    return paid(amount, draw(st.integers(0, amount)), draw(st.integers(0, amount)))


CANCELS = st.tuples(st.one_of(st.none(), st.integers(1, 120_000)), st.integers(0, 3000))


@given(payments(), st.lists(CANCELS, max_size=8))
def test_cancels_never_give_back_more_than_was_paid(
    made: tuple[Account, PaymentRecord], wishes: list[tuple[int | None, int]]
) -> None:
    account, record = made
    payment = record.payment
    assert payment.easy_pay is not None
    for amount, tax_free in wishes:
        balance, count = payment.balance_amount, len(payment.cancels or [])
        request = CancelRequest(reason="x", amount=amount, tax_free=tax_free)
        try:
            cancel(account, payment.payment_key, request)
        except TossError:
            assert (payment.balance_amount, len(payment.cancels or [])) == (balance, count)
            continue
        cancels = payment.cancels or []
        assert payment.balance_amount == payment.total_amount - sum(c.cancel_amount for c in cancels) >= 0
        assert cancels[-1].refundable_amount == payment.balance_amount
        assert payment.status == (
            "CANCELED" if cancels[0].cancel_amount == payment.total_amount else "PARTIAL_CANCELED"
        )
        assert 0 <= payment.tax_free_amount <= payment.balance_amount
        taxed = payment.supplied_amount + payment.vat + payment.tax_free_amount
        assert taxed == payment.balance_amount
        returned = sum(c.easy_pay_discount_amount for c in cancels)
        assert returned <= payment.easy_pay.discount_amount
        if payment.balance_amount == 0:
            assert returned == payment.easy_pay.discount_amount


@st.composite
def taxed(draw: st.DrawFn) -> tuple[Account, PaymentRecord]:
    amount = draw(st.integers(100, 1000))
    tax_free = draw(st.integers(0, amount))
    return paid(amount, 0, tax_free, draw(st.integers(0, amount - tax_free)))


def parts_of(payment: Payment) -> tuple[int, int, int]:
    """What is left: taxed, tax free, exempt."""
    return payment.supplied_amount + payment.vat, payment.tax_free_amount, payment.tax_exemption_amount


TAXED_CANCELS = st.tuples(st.one_of(st.none(), st.integers(1, 1000)), st.integers(0, 600), st.integers(0, 600))


@given(taxed(), st.lists(TAXED_CANCELS, max_size=12))
def test_the_tax_parts_of_cancels_add_up_or_the_cancel_is_refused(
    made: tuple[Account, PaymentRecord], wishes: list[tuple[int | None, int, int]]
) -> None:
    account, record = made
    payment = record.payment
    paid_parts = parts_of(payment)
    for amount, tax_free, exemption in wishes:
        before, balance = parts_of(payment), payment.balance_amount
        whole = amount in (None, balance) and not tax_free and not exemption
        wanted = balance if amount is None else amount
        asked = before if whole else (wanted - tax_free - exemption, tax_free, exemption)
        fits = balance > 0 and all(0 <= part <= left for part, left in zip(asked, before, strict=True))
        request = CancelRequest(reason="x", amount=amount, tax_free=tax_free, tax_exemption=exemption)
        try:
            cancel(account, payment.payment_key, request)
        except TossError as refused:
            assert not fits
            assert (refused.code, parts_of(payment)) == ("NOT_CANCELABLE_AMOUNT" if balance else refused.code, before)
            continue
        assert fits
        cancels = payment.cancels or []
        given_back = [(c.cancel_amount - c.tax_free_amount - c.tax_exemption_amount) for c in cancels]
        sums = sum(given_back), sum(c.tax_free_amount for c in cancels), sum(c.tax_exemption_amount for c in cancels)
        assert parts_of(payment) == tuple(paid - gone for paid, gone in zip(paid_parts, sums, strict=True))
        assert sum(parts_of(payment)) == payment.balance_amount


@given(st.integers(0, 10**10), st.integers(0, 10**10))
def test_the_tax_split_is_an_eleventh_to_the_nearest_won(amount: int, tax_free: int) -> None:
    tax_free = min(tax_free, amount)
    supplied, vat = tax_split(amount, tax_free)
    assert supplied + vat == amount - tax_free
    assert abs(vat * 11 - (amount - tax_free)) <= 5


def test_the_published_tax_examples() -> None:
    assert tax_split(15000, 0) == (13636, 1364)
    assert tax_split(10000, 3000) == (6364, 636)
    assert tax_split(4900, 0) == (4455, 445)


@given(st.integers(100, 10**8), st.lists(st.integers(1, 10**8), max_size=8))
def test_settlement_rows_add_up_however_it_was_cancelled(amount: int, wishes: list[int]) -> None:
    account, record = paid(amount, 0, 0)
    key = record.payment.payment_key
    for wish in wishes:
        with suppress(TossError):
            cancel(account, key, CancelRequest(reason="x", amount=wish))
    account.clock.advance(86_400)
    rows = settlements(account, Params({"startDate": "2020-01-01", "endDate": "2999-01-01"}))
    assert all(row.fee == row.supply_amount + row.vat for row in rows)
    assert all(row.pay_out_amount == row.amount - row.fee for row in rows)
    assert all(row.fee <= 0 for row in rows[1:])
    left = record.payment.balance_amount
    assert sum(row.amount for row in rows) == left
    assert (sum(row.supply_amount for row in rows), sum(row.vat for row in rows)) == fee(record.payment.method, left)
