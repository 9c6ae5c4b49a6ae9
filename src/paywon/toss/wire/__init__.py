"""Toss's JSON bodies, both ways, as typed values (toss/api.md 4–11; version 2022-11-16).

Unknown fields are skipped here (the raw object travels beside the typed value), fields that look like enums
are plain `str` (toss/api.md 1.3: members are added without notice), and only what identifies something and its
money is required: a card without an approval number, or an `easyPay` that is a text, must not make a paid order
unreadable. A field that is not required and does not fit its type is absent (`paywon.toss.body`).

Amounts are `int` wherever the number is whole (`1000.0` too) and else a `Decimal` without loss. Instants are
aware; one without an offset is Korean time (toss/api.md 1.5).
"""

from paywon.toss.wire.base import KST, Amount, Failure, Request, Wire, aware, korean_day, korean_time, whole
from paywon.toss.wire.billing import Billing, BillingTransfer, ChargeBillingKey, IssueBillingKey
from paywon.toss.wire.ledger import Fee, RequestSettlement, Settlement, SettlementRequested, Transaction
from paywon.toss.wire.payment import (
    Cancel,
    Card,
    Checkout,
    Discount,
    EasyPay,
    GiftCertificate,
    MobilePhone,
    Payment,
    Receipt,
    RefundAccount,
    Transfer,
    VirtualAccount,
    decode_payment,
)
from paywon.toss.wire.promotions import BankOffer, CardOffer, CardPromotions, Promotion, Promotions
from paywon.toss.wire.receipts import CancelCashReceipt, CashReceipt, CashReceiptPage, IssueCashReceipt, OwnReceipt
from paywon.toss.wire.requests import (
    CancelPayment,
    ConfirmPayment,
    CreatePayment,
    EscrowProduct,
    IssueVirtualAccount,
    RefundReceiveAccount,
    VirtualAccountReceipt,
)

__all__ = [
    "KST",
    "Amount",
    "BankOffer",
    "Billing",
    "BillingTransfer",
    "Cancel",
    "CancelCashReceipt",
    "CancelPayment",
    "Card",
    "CardOffer",
    "CardPromotions",
    "CashReceipt",
    "CashReceiptPage",
    "ChargeBillingKey",
    "Checkout",
    "ConfirmPayment",
    "CreatePayment",
    "Discount",
    "EasyPay",
    "EscrowProduct",
    "Failure",
    "Fee",
    "GiftCertificate",
    "IssueBillingKey",
    "IssueCashReceipt",
    "IssueVirtualAccount",
    "MobilePhone",
    "OwnReceipt",
    "Payment",
    "Promotion",
    "Promotions",
    "Receipt",
    "RefundAccount",
    "RefundReceiveAccount",
    "Request",
    "RequestSettlement",
    "Settlement",
    "SettlementRequested",
    "Transaction",
    "Transfer",
    "VirtualAccount",
    "VirtualAccountReceipt",
    "Wire",
    "aware",
    "decode_payment",
    "korean_day",
    "korean_time",
    "whole",
]
