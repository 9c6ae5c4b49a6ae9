"""Promotions: discounts and interest-free offers (toss/api.md 11)."""

from datetime import date

from paywon.toss.wire.base import Amount, Small, Wire


class CardOffer(Wire, frozen=True, kw_only=True):
    """Discount or interest-free offer of a card company; the code's field has had three names (toss/api.md 11)."""

    issuer_code: str | None = None
    company_code: str | None = None
    card_company: str | None = None
    discount_amount: Amount | None = None
    balance: Amount | None = None
    discount_code: str | None = None
    due_date: date | None = None
    minimum_payment_amount: Amount | None = None
    maximum_payment_amount: Amount | None = None
    installment_free_months: list[Small] | None = None
    currency: str | None = None

    @property
    def issuer(self) -> str | None:
        """The card company's code under whichever name this API version gives it."""
        return self.issuer_code or self.company_code or self.card_company


class CardPromotions(Wire, frozen=True, kw_only=True):
    """`GET /v1/promotions/card`."""

    discount_cards: list[CardOffer]
    interest_free_cards: list[CardOffer]


class BankOffer(Wire, frozen=True, kw_only=True):
    """`discount_rate` is a share, 0.01–0.3."""

    type: str | None = None
    bank_code: str | None = None
    discount_amount: Amount | None = None
    discount_rate: Amount | None = None
    minimum_payment_amount: Amount | None = None
    maximum_payment_amount: Amount | None = None
    currency: str | None = None
    discount_code: str | None = None
    due_date: date | None = None


class Promotion(Wire, frozen=True, kw_only=True):
    """One row of `GET /v1/promotions`; `type` says which of the four offers it is."""

    type: str
    pay_type: str | None = None
    card_discount: CardOffer | None = None
    card_interest_free: CardOffer | None = None
    card_point: CardOffer | None = None
    bank_discount: BankOffer | None = None


Promotions = list[Promotion]  # a bare array at the top is *inferred* (toss/api.md 11)
