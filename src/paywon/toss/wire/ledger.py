"""What Toss has booked: transactions and settlements (toss/api.md 4, 8 and 9)."""

from datetime import date, datetime
from decimal import Decimal

from msgspec.structs import force_setattr

from paywon.toss.wire.base import Amount, Key, Request, Wire
from paywon.toss.wire.payment import Cancel, Card, EasyPay, GiftCertificate, MobilePhone, Transfer, VirtualAccount

_ABSENT: Amount = Decimal("NaN")  # no body can hold it: amounts are finite


class Transaction(Wire, frozen=True, kw_only=True):
    """One row of `GET /v1/transactions`; a cancel's `amount` is *inferred* negative (toss/api.md 4).

    Whoever looks for what our books do not have needs neither amount nor currency; whoever shows a row does.
    """

    transaction_key: Key
    payment_key: Key
    order_id: Key
    status: str
    amount: Amount | None = None
    currency: str | None = None
    transaction_at: datetime | None = None
    m_id: str | None = None
    method: str | None = None
    customer_key: str | None = None
    use_escrow: bool | None = None
    receipt_url: str | None = None


class Fee(Wire, frozen=True, kw_only=True):
    type: str | None = None
    fee: Amount | None = None


class Settlement(Wire, frozen=True, kw_only=True):
    """One row of `GET /v1/settlements`: a cancel has negative amounts and one `cancel` (toss/api.md 4 [2src]).

    `supply_amount` is read under both of its names; `supplied_amount` is the spec file's (toss/api.md 16, erratum 7).
    """

    payment_key: Key
    transaction_key: Key
    order_id: Key
    currency: str
    amount: Amount
    fee: Amount
    pay_out_amount: Amount
    vat: Amount
    supply_amount: Amount = _ABSENT
    supplied_amount: Amount | None = None
    interest_fee: Amount | None = None
    fees: list[Fee] | None = None
    m_id: str | None = None
    method: str | None = None
    approved_at: datetime | None = None
    sold_date: date | None = None
    paid_out_date: date | None = None
    card: Card | None = None
    easy_pay: EasyPay | None = None
    gift_certificate: GiftCertificate | None = None
    mobile_phone: MobilePhone | None = None
    transfer: Transfer | None = None
    virtual_account: VirtualAccount | None = None
    cancel: Cancel | None = None

    def __post_init__(self) -> None:
        if self.supply_amount is _ABSENT:
            if self.supplied_amount is None:
                raise ValueError("neither supplyAmount nor suppliedAmount")
            force_setattr(self, "supply_amount", self.supplied_amount)
        super().__post_init__()


class SettlementRequested(Wire, frozen=True, kw_only=True):
    result: bool


class RequestSettlement(Request, frozen=True, kw_only=True):
    """`POST /v1/settlements` (toss/api.md 9), for shops with a manual settlement contract."""

    payment_key: str
