"""Billing keys: what issues one, what charges one (toss/api.md 4 and 7)."""

from datetime import datetime
from typing import Any

from paywon.toss.wire.base import Key, Request, Wire
from paywon.toss.wire.payment import Card


class BillingTransfer(Wire, frozen=True, kw_only=True):
    bank_name: str | None = None
    bank_account_number: str | None = None


class Billing(Wire, frozen=True, kw_only=True):
    """A billing key. `card_company` and `card_number` are gone from version 2024-06-01 on: read `card`.

    `customer_key` only repeats what was asked.
    """

    billing_key: Key
    customer_key: Key | None = None
    m_id: str | None = None
    authenticated_at: datetime | None = None
    method: str | None = None
    card: Card | None = None
    transfers: list[BillingTransfer] | None = None
    easy_pay: Any = None
    card_company: str | None = None
    card_number: str | None = None

    def __repr__(self) -> str:
        # The billing key alone lets its holder charge the card.
        return f"Billing(customer_key={self.customer_key!r}, method={self.method!r}, billing_key='…')"


class IssueBillingKey(Request, frozen=True, kw_only=True):
    """`POST /v1/billing/authorizations/issue` (toss/api.md 7). `auth_key` comes with the buyer's redirect and works
    once.
    """

    auth_key: str
    customer_key: str

    def __repr__(self) -> str:
        # Whoever holds the authKey and a secret key can make a billing key of it.
        return f"IssueBillingKey(customer_key={self.customer_key!r}, auth_key='…')"


class ChargeBillingKey(Request, frozen=True, kw_only=True):
    """`POST /v1/billing/{billingKey}` (toss/api.md 7). `customer_key` has to be the one the key was issued for."""

    amount: int
    customer_key: str
    order_id: str
    order_name: str
    customer_email: str | None = None
    customer_name: str | None = None
    customer_ip: str | None = None
    tax_free_amount: int | None = None
    tax_exemption_amount: int | None = None

    def __repr__(self) -> str:
        return (
            f"ChargeBillingKey(amount={self.amount!r}, customer_key={self.customer_key!r}, order_id={self.order_id!r})"
        )
