"""Billing keys and what is charged on them (toss/api.md 7), and key-in payments (toss/api.md 5.5)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from paywon_sandbox import inferred
from paywon_sandbox.core import codes, ids
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError, find
from paywon_sandbox.core.records import BillingAuth, BillingRecord, Choice, PaymentRecord
from paywon_sandbox.core.store import Account, Store
from paywon_sandbox.core.values import Billing, BillingCard, BillingTransfer, Url
from paywon_sandbox.rules import magic
from paywon_sandbox.rules.cards import (
    CARD_NUMBER,
    TypedCard,
    acquirer_of,
    issuer_of,
    read_card,
    read_installments,
)
from paywon_sandbox.rules.create import CreateRequest, create_payment, read_order, refuse_approved_order
from paywon_sandbox.rules.details import fill_details, masked_card_number, receipt_url
from paywon_sandbox.rules.ledger import book
from paywon_sandbox.rules.params import Params
from paywon_sandbox.settings import MERCHANT_ID, MINIMUM_ACCOUNT_KRW, MINIMUM_CARD_KRW
from paywon_sandbox.webhooks.events import announce, announce_deleted_billing

ISSUE = "POST /v1/billing/authorizations/issue"
CHARGE = "POST /v1/billing/{billingKey}"
DELETED_BY_API = "삭제 API 요청"  # toss/webhooks.md, the published sample
LONGEST_CUSTOMER_KEY = 300


def read_customer_key(params: Params) -> str:
    """2 to 300 characters, charset not enforced; longer ones fail in Toss's database (toss/api.md 1.5 [M])."""
    key = params.text("customerKey", longest=100_000)
    if len(key) < 2:
        raise TossError(inferred.SHORT_CUSTOMER_KEY)
    if len(key) > LONGEST_CUSTOMER_KEY:
        raise TossError("FAILED_DB_PROCESSING")
    return key


def authorise(account: Account, params: Params) -> str:
    """The customer registers a card or an account in the window; returns the single-use authKey.

    `customerKey`; optional `method` (CARD, TRANSFER), `cardCompany`, `cardNumber`, `cardType`, `cardOwnerType`, `bank`,
    and `declineAtIssue`, `declineAtCharge`, `declineTimes` for what goes wrong later.
    """
    method = codes.method_name(params.optional_text("method") or codes.CARD)
    if method not in (codes.CARD, codes.TRANSFER):
        raise TossError("NOT_SUPPORTED_METHOD")
    number = params.pattern("cardNumber", CARD_NUMBER, code="INVALID_CARD_NUMBER") or "4330123412341234"
    company = codes.institution(codes.CARD_COMPANIES, params.optional_text("cardCompany") or issuer_of(number))
    bank = codes.institution(codes.BANKS, params.optional_text("bank") or "92")
    if company is None or bank is None:
        raise TossError("INVALID_CARD_COMPANY" if company is None else "INVALID_BANK")
    auth = BillingAuth(
        auth_key=ids.auth_key(),
        customer_key=read_customer_key(params),
        method=method,
        card_company=company,
        card_number=number,
        card_type=params.one_of("cardType", codes.CARD_TYPES),
        owner_type=params.one_of("cardOwnerType", codes.OWNER_TYPES),
        bank_code=bank,
        issue_decline_code=_known(params.optional_text("declineAtIssue"), ISSUE),
        charge_decline_code=_known(params.optional_text("declineAtCharge"), CHARGE),
        charge_decline_times=params.optional_positive("declineTimes"),
    )
    account.keep_billing_auth(auth)
    return auth.auth_key


def _known(code: str | None, endpoint: str) -> str | None:
    if code is not None and find(endpoint, code) is None:
        raise TossError("INVALID_TEST_CODE")
    return code


def issue(account: Account, params: Params) -> Billing:
    """A billing key for an authKey; the authKey is used up, whatever the answer of the card company is."""
    auth_key = params.text("authKey", longest=300)
    customer_key = read_customer_key(params)
    auth = account.billing_auths.get(auth_key)
    if auth is None:
        raise TossError(inferred.UNKNOWN_AUTH_KEY)
    if auth.customer_key != customer_key:
        raise TossError("NOT_MATCHES_CUSTOMER_KEY")  # toss/api.md 7 [M]
    account.drop_billing_auth(auth_key)
    if auth.issue_decline_code is not None:
        raise TossError(auth.issue_decline_code)
    return _issue(account, auth)


def issue_for_card(account: Account, params: Params) -> Billing:
    """A billing key for a card that the merchant typed in (needs a contract in reality)."""
    customer_key = read_customer_key(params)
    card = read_card(params)
    card.refuse_expired(account.clock.now())
    auth = BillingAuth(
        auth_key="",
        customer_key=customer_key,
        method=codes.CARD,
        card_company=issuer_of(card.number),
        card_number=card.number,
    )
    return _issue(account, auth)


def _issue(account: Account, auth: BillingAuth) -> Billing:
    refusal = magic.card_refusal(auth.card_number) if auth.method == codes.CARD else None
    if refusal in magic.AT_ISSUE:
        raise TossError(refusal)
    billing = Billing(
        m_id=MERCHANT_ID,
        customer_key=auth.customer_key,
        authenticated_at=toss_instant(account.clock.now()),
        method=auth.method,
        billing_key=ids.billing_key(),
    )
    if auth.method == codes.TRANSFER:
        billing.transfers = [
            BillingTransfer(bank_name=codes.BANKS[auth.bank_code][1], bank_account_number="1000****1234")
        ]
    else:
        _describe_card(billing, auth, account.settings.version)
    account.keep_billing(BillingRecord(billing=billing, registered=auth))
    return billing


def _describe_card(billing: Billing, auth: BillingAuth, version: str) -> None:
    billing.card = BillingCard(
        issuer_code=auth.card_company,
        acquirer_code=acquirer_of(auth.card_company),
        number=masked_card_number(auth.card_number),
        card_type=auth.card_type,
        owner_type=auth.owner_type,
    )
    if version < "2024-06-01":  # toss/api.md 1.7
        billing.card_company = codes.CARD_COMPANIES[auth.card_company][1]
        billing.card_number = billing.card.number


def find_billing(account: Account, billing_key: str, unknown: str) -> BillingRecord:
    """A key that is there and not deleted."""
    record = account.billings.get(billing_key)
    if record is None:
        raise TossError(unknown)
    if record.deleted:
        raise TossError("ALREADY_REMOVED_BILLING_KEY")  # toss/api.md 7 [M]
    return record


def delete(account: Account, billing_key: str, reason: str | None = DELETED_BY_API) -> None:
    """Gone for good; BILLING_DELETED is sent also for a deletion by API (toss/webhooks.md)."""
    record = find_billing(account, billing_key, "NOT_FOUND_BILLING")
    record.deleted = True
    account.keep_billing(record)
    announce_deleted_billing(account, billing_key, reason)


class ChargeRequest(msgspec.Struct, kw_only=True, frozen=True):
    """The checked parameters of a charge."""

    order: CreateRequest
    customer_key: str
    installments: int


def read_charge(params: Params) -> ChargeRequest:
    """cardInstallmentPlan is not in the newest reference, but accepted (toss/api.md 16, erratum 14)."""
    order = read_order(params)
    params.email()
    params.optional_text("customerIp")
    return ChargeRequest(
        order=order,
        customer_key=read_customer_key(params),
        installments=read_installments(params, order.amount),
    )


def charge(store: Store, account: Account, billing_key: str, request: ChargeRequest, public_url: str) -> PaymentRecord:
    """DONE at once, type BILLING; no webhook tells of it (toss/api.md 7, toss/webhooks.md [1src])."""
    billing = find_billing(account, billing_key, inferred.UNKNOWN_BILLING_KEY)
    registered = billing.registered
    if registered.customer_key != request.customer_key:
        raise TossError("NOT_MATCHES_CUSTOMER_KEY")
    refuse_approved_order(account, request.order.order_id)
    by_card = registered.method == codes.CARD
    if request.order.amount < (MINIMUM_CARD_KRW if by_card else MINIMUM_ACCOUNT_KRW):
        raise TossError("BELOW_MINIMUM_AMOUNT")
    _refuse_as_ordered(account, billing)
    if by_card:
        magic.refuse_card(registered.card_number)
    choice = Choice(
        method=registered.method,
        card_company=registered.card_company,
        card_number=registered.card_number,
        card_type=registered.card_type,
        owner_type=registered.owner_type,
        bank_code=registered.bank_code,
        installment_plan_months=request.installments,
    )
    order = msgspec.structs.replace(request.order, customer_key=request.customer_key)
    record = _approve(store, account, order, choice, public_url)
    record.payment.type = "BILLING"
    return record


def _refuse_as_ordered(account: Account, billing: BillingRecord) -> None:
    """`declineAtCharge`, for good or so many times."""
    registered = billing.registered
    code = registered.charge_decline_code
    if code is None:
        return
    if registered.charge_decline_times is not None:
        registered.charge_decline_times -= 1
        if registered.charge_decline_times <= 0:
            registered.charge_decline_code = registered.charge_decline_times = None
        account.keep_billing(billing)
    raise TossError(code)


def _approve(store: Store, account: Account, order: CreateRequest, choice: Choice, public_url: str) -> PaymentRecord:
    record = create_payment(store, account, order, public_url)
    payment, now = record.payment, account.clock.now()
    record.deadline, record.approved_at = None, now
    payment.method, payment.use_escrow, payment.status = choice.method, False, "DONE"
    payment.approved_at = toss_instant(now)
    payment.secret = ids.payment_secret() if inferred.SECRET_ON_EVERY_APPROVED_PAYMENT else None
    payment.last_transaction_key = ids.transaction_key(choice.method)
    payment.receipt = Url(url=receipt_url(payment.payment_key, public_url))
    fill_details(record, choice, now, public_url)
    book(account, record, payment.total_amount, now)
    account.keep_payment(record)
    return record


class KeyInRequest(msgspec.Struct, kw_only=True, frozen=True):
    """The checked parameters of a key-in payment."""

    order: CreateRequest
    card: TypedCard
    installments: int
    interest_free: bool
    card_points: bool


def read_key_in(params: Params) -> KeyInRequest:
    """Raises the codes of toss/api.md 5.5."""
    order = read_order(params, order_id_code="INVALID_ORDER_ID")
    params.optional_text("customerIp")
    return KeyInRequest(
        order=order,
        card=read_card(params),
        installments=read_installments(params, order.amount),
        interest_free=params.flag("useFreeInstallmentPlan", default=False),
        card_points=params.flag("useCardPoint", default=False),
    )


def key_in(store: Store, account: Account, request: KeyInRequest, public_url: str) -> PaymentRecord:
    """Approve a card that the merchant typed in."""
    now: datetime = account.clock.now()
    request.card.refuse_expired(now)
    refuse_approved_order(account, request.order.order_id)
    if request.order.amount < MINIMUM_CARD_KRW:
        raise TossError("BELOW_MINIMUM_AMOUNT")
    magic.refuse_card(request.card.number)
    choice = Choice(
        method=codes.CARD,
        card_company=issuer_of(request.card.number),
        card_number=request.card.number,
        installment_plan_months=request.installments,
        is_interest_free=request.interest_free,
    )
    record = _approve(store, account, request.order, choice, public_url)
    if record.payment.card is not None:
        record.payment.card.use_card_point = request.card_points
    announce(account, record)
    return record
