"""What the doors to Toss's books answer. Toss's own field names, without what is personal."""

from datetime import date, datetime

from paywon.base.redaction import redact
from paywon.settlements.commands import Promotions
from paywon.toss import wire
from paywon.toss.codes import bank_name, card_company, card_company_name
from paywon.web.shapes import Figure, Output


class CardOfferOut(Output, frozen=True, kw_only=True):
    """``issuerCode`` whatever Toss's version calls it (toss/api.md 11), ``issuerName`` in Korean; amounts in won."""

    issuer_code: str | None
    issuer_name: str | None
    discount_amount: Figure | None
    balance: Figure | None
    discount_code: str | None
    due_date: date | None
    minimum_payment_amount: Figure | None
    maximum_payment_amount: Figure | None
    installment_free_months: list[int] | None
    currency: str | None


class BankOfferOut(Output, frozen=True, kw_only=True):
    """``discountRate`` is a share: 0.05 is five percent."""

    type: str | None
    bank_code: str | None
    bank_name: str | None
    discount_amount: Figure | None
    discount_rate: Figure | None
    minimum_payment_amount: Figure | None
    maximum_payment_amount: Figure | None
    discount_code: str | None
    due_date: date | None
    currency: str | None


class PromotionOut(Output, frozen=True, kw_only=True):
    """One offer of the newer list; ``type`` says which of the four is there."""

    type: str
    pay_type: str | None
    card_discount: CardOfferOut | None
    card_interest_free: CardOfferOut | None
    card_point: CardOfferOut | None
    bank_discount: BankOfferOut | None


class PromotionsOut(Output, frozen=True, kw_only=True):
    """``promotions`` is the newer list, banks included; null where Toss does not give it to this key.

    ``unreadable`` is how many offers Toss sent in a form that could not be read: the lists are short by them.
    """

    discount_cards: list[CardOfferOut]
    interest_free_cards: list[CardOfferOut]
    promotions: list[PromotionOut] | None
    unreadable: int
    checked_at: datetime


class TossTransactionOut(Output, frozen=True, kw_only=True):
    """One booking; a cancel's ``amount`` is negative."""

    m_id: str | None
    transaction_key: str
    payment_key: str
    order_id: str
    order_no: str
    method: str | None
    status: str
    amount: Figure
    currency: str
    transaction_at: datetime | None
    use_escrow: bool | None
    receipt_url: str | None


class TossTransactionList(Output, frozen=True, kw_only=True):
    """``unreadable`` is how many rows of Toss's could not be read: the list is short by them."""

    transactions: list[TossTransactionOut]
    unreadable: int
    start_date: date
    end_date: date
    limit: int
    next_cursor: str | None


class FeeOut(Output, frozen=True, kw_only=True):
    type: str | None
    fee: Figure | None


class SettledCardOut(Output, frozen=True, kw_only=True):
    issuer_code: str | None
    issuer_name: str | None
    acquirer_code: str | None
    number: str | None
    approve_no: str | None
    installment_plan_months: int | None


class SettledCancelOut(Output, frozen=True, kw_only=True):
    transaction_key: str | None
    cancel_amount: Figure | None
    cancel_reason: str | None
    canceled_at: datetime | None


class SettlementOut(Output, frozen=True, kw_only=True):
    """One pay-out: ``payOutAmount`` = ``amount`` − ``fee``, ``fee`` = ``supplyAmount`` + ``vat``.

    A cancel has a ``cancel`` and negative amounts (toss/api.md 4).
    """

    m_id: str | None
    payment_key: str
    transaction_key: str
    order_id: str
    order_no: str
    method: str | None
    currency: str
    amount: Figure
    interest_fee: Figure | None
    fee: Figure
    fees: list[FeeOut]
    supply_amount: Figure
    vat: Figure
    pay_out_amount: Figure
    approved_at: datetime | None
    sold_date: date | None
    paid_out_date: date | None
    card: SettledCardOut | None
    easy_pay_provider: str | None
    cancel: SettledCancelOut | None


class SettlementList(Output, frozen=True, kw_only=True):
    """``unreadable`` is how many rows of Toss's could not be read: the list is short by them, and so are its sums."""

    settlements: list[SettlementOut]
    unreadable: int
    start_date: date
    end_date: date
    date_type: str
    limit: int
    next_cursor: str | None


def promotions_out(found: Promotions) -> PromotionsOut:
    return PromotionsOut(
        discount_cards=[_card_offer(offer) for offer in found.cards.discount_cards],
        interest_free_cards=[_card_offer(offer) for offer in found.cards.interest_free_cards],
        promotions=None if found.more is None else [_promotion(row) for row in found.more],
        unreadable=found.unreadable,
        checked_at=found.asked_at,
    )


def transaction_out(row: wire.Transaction) -> TossTransactionOut:
    assert row.amount is not None and row.currency is not None, "only whole rows are shown"
    return TossTransactionOut(
        m_id=row.m_id,
        transaction_key=row.transaction_key,
        payment_key=row.payment_key,
        order_id=row.order_id,
        order_no=row.order_id,
        method=row.method,
        status=row.status,
        amount=_number(row.amount),
        currency=row.currency,
        transaction_at=row.transaction_at,
        use_escrow=row.use_escrow,
        receipt_url=row.receipt_url,
    )


def settlement_out(row: wire.Settlement) -> SettlementOut:
    return SettlementOut(
        m_id=row.m_id,
        payment_key=row.payment_key,
        transaction_key=row.transaction_key,
        order_id=row.order_id,
        order_no=row.order_id,
        method=row.method,
        currency=row.currency,
        amount=_number(row.amount),
        interest_fee=_maybe(row.interest_fee),
        fee=_number(row.fee),
        fees=[FeeOut(type=fee.type, fee=_maybe(fee.fee)) for fee in row.fees or []],
        supply_amount=_number(row.supply_amount),
        vat=_number(row.vat),
        pay_out_amount=_number(row.pay_out_amount),
        approved_at=row.approved_at,
        sold_date=row.sold_date,
        paid_out_date=row.paid_out_date,
        card=_card(row.card) if row.card else None,
        easy_pay_provider=row.easy_pay.provider if row.easy_pay else None,
        cancel=_cancel(row.cancel) if row.cancel else None,
    )


def _card(card: wire.Card) -> SettledCardOut:
    return SettledCardOut(
        issuer_code=card.issuer_code,
        issuer_name=card_company_name(card.issuer_code) if card.issuer_code else None,
        acquirer_code=card.acquirer_code,
        number=redact({"number": card.number}, inside="card")["number"],
        approve_no=card.approve_no,
        installment_plan_months=card.installment_plan_months,
    )


def _cancel(cancel: wire.Cancel) -> SettledCancelOut:
    return SettledCancelOut(
        transaction_key=cancel.transaction_key,
        cancel_amount=_maybe(cancel.cancel_amount),
        cancel_reason=cancel.cancel_reason,
        canceled_at=cancel.canceled_at,
    )


def _promotion(row: wire.Promotion) -> PromotionOut:
    return PromotionOut(
        type=row.type,
        pay_type=row.pay_type,
        card_discount=_card_offer(row.card_discount) if row.card_discount else None,
        card_interest_free=_card_offer(row.card_interest_free) if row.card_interest_free else None,
        card_point=_card_offer(row.card_point) if row.card_point else None,
        bank_discount=_bank_offer(row.bank_discount) if row.bank_discount else None,
    )


def _card_offer(offer: wire.CardOffer) -> CardOfferOut:
    # The oldest name of the field held a name where the newest holds a code; both are found by either.
    issuer = card_company(offer.issuer) if offer.issuer else None
    return CardOfferOut(
        issuer_code=issuer.code if issuer else offer.issuer,
        issuer_name=issuer.korean if issuer else None,
        discount_amount=_maybe(offer.discount_amount),
        balance=_maybe(offer.balance),
        discount_code=offer.discount_code,
        due_date=offer.due_date,
        minimum_payment_amount=_maybe(offer.minimum_payment_amount),
        maximum_payment_amount=_maybe(offer.maximum_payment_amount),
        installment_free_months=offer.installment_free_months,
        currency=offer.currency,
    )


def _bank_offer(offer: wire.BankOffer) -> BankOfferOut:
    return BankOfferOut(
        type=offer.type,
        bank_code=offer.bank_code,
        bank_name=bank_name(offer.bank_code) if offer.bank_code else None,
        discount_amount=_maybe(offer.discount_amount),
        discount_rate=_maybe(offer.discount_rate),
        minimum_payment_amount=_maybe(offer.minimum_payment_amount),
        maximum_payment_amount=_maybe(offer.maximum_payment_amount),
        discount_code=offer.discount_code,
        due_date=offer.due_date,
        currency=offer.currency,
    )


def _number(amount: wire.Amount) -> Figure:
    """Write an amount as a JSON number: won are whole, and two decimals of another currency survive."""
    return amount if isinstance(amount, int) else float(amount)


def _maybe(amount: wire.Amount | None) -> Figure | None:
    return None if amount is None else _number(amount)
