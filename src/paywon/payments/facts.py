"""Turns Toss's Payment object into a fact and into our columns. Pure; the only place that knows both shapes."""

import hashlib
from datetime import datetime
from typing import Any

from paywon.base.ids import OrderNo, PaymentKey
from paywon.base.redaction import redact
from paywon.payments.model import Fact, PaymentStatus
from paywon.toss import wire
from paywon.toss.codes import card_company_name


def fact_of(answer: wire.Payment, asked_at: datetime) -> Fact | None:
    """Take what Toss says as a fact; None when its status or amounts are of no kind that we know."""
    whole = isinstance(answer.total_amount, int) and isinstance(answer.balance_amount, int)
    if answer.status not in PaymentStatus.__members__ or not whole:
        return None
    return Fact(
        payment_key=PaymentKey(answer.payment_key),
        order_no=OrderNo(answer.order_id),
        status=PaymentStatus(answer.status),
        total_amount=int(answer.total_amount),
        balance_amount=int(answer.balance_amount),
        currency=answer.currency,
        asked_at=asked_at,
    )


def payment_columns(answer: wire.Payment, raw: dict[str, Any], fact: Fact) -> dict[str, Any]:
    """Answer the columns of ``payments`` that Toss's answer fills, by name."""
    return {
        "payment_key": fact.payment_key,
        "method": answer.method,
        "status": fact.status,
        "balance_amount": fact.balance_amount,
        "vat": _won(answer.vat),
        "supplied_amount": _won(answer.supplied_amount),
        "tax_free_amount": _won(answer.tax_free_amount),
        "tax_exemption_amount": _won(answer.tax_exemption_amount),
        **({"requested_at": answer.requested_at} if answer.requested_at else {}),
        "approved_at": answer.approved_at,
        "receipt_url": answer.receipt.url if answer.receipt else None,
        "checkout_url": answer.checkout.url if answer.checkout else None,
        "last_transaction_key": answer.last_transaction_key,
        "is_partial_cancelable": answer.is_partial_cancelable,
        "easy_pay_provider": answer.easy_pay.provider if answer.easy_pay else None,
        "virtual_account": redact(raw.get("virtualAccount"), inside="virtualaccount"),
        **({"secret_digest": digest_of_secret(answer.secret)} if answer.secret else {}),
        "cash_receipts": _cash_receipts(raw),
        "fail_code": answer.failure.code if answer.failure else None,
        "fail_message": redact(answer.failure.message) if answer.failure else None,
        "raw_response": keepable(raw),
        "fact_asked_at": fact.asked_at,
        **_card_columns(answer.card),
    }


def cancel_columns(cancel: wire.Cancel, raw: dict[str, Any]) -> dict[str, Any]:
    """Answer the columns of ``payment_cancels`` that one entry of Toss's ``cancels`` fills, by name."""
    return {
        "transaction_key": cancel.transaction_key,
        "cancel_amount": _won(cancel.cancel_amount),
        "cancel_reason": redact(cancel.cancel_reason),
        "cancel_status": cancel.cancel_status or "DONE",
        "canceled_at": cancel.canceled_at,
        "tax_free_amount": _won(cancel.tax_free_amount),
        "tax_exemption_amount": _won(cancel.tax_exemption_amount),
        "receipt_key": cancel.receipt_key,
        "refundable_amount": _won(cancel.refundable_amount),
        "card_discount_amount": _won(cancel.card_discount_amount),
        "easy_pay_discount_amount": _won(cancel.easy_pay_discount_amount),
        "transfer_discount_amount": _won(cancel.transfer_discount_amount),
        "raw_response": keepable(raw),
    }


def digest_of_secret(secret: str) -> bytes:
    """Make what is kept of a payment's ``secret``, for a DEPOSIT_CALLBACK to be compared with."""
    return hashlib.sha256(secret.encode()).digest()


def keepable(raw: dict[str, Any]) -> dict[str, Any]:
    """Copy what Toss sent, without what must not be stored (I13). The webhook secret is kept as a digest only."""
    copy: dict[str, Any] = redact(raw)
    return copy


def _cash_receipts(raw: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Take the payment's own receipts: the history where Toss sends one, else the one automatic receipt."""
    history, single = raw.get("cashReceipts"), raw.get("cashReceipt")
    found = history if history else [single] if single else None
    return None if found is None else redact(found)


def _card_columns(card: wire.Card | None) -> dict[str, Any]:
    if card is None:
        return dict.fromkeys(
            (
                "card_type",
                "card_company",
                "card_last_four_digits",
                "card_approval_number",
                "issuer_code",
                "acquirer_code",
                "installment_plan_months",
                "is_interest_free",
            )
        )
    return {
        "card_type": card.card_type,
        "card_company": card_company_name(card.issuer_code) if card.issuer_code else None,
        # Toss masks the last digit too: ``43301234****123*`` (api.md 4). What is left is kept as it came.
        "card_last_four_digits": card.number[-4:] if card.number else None,
        "card_approval_number": card.approve_no,
        "issuer_code": card.issuer_code,
        "acquirer_code": card.acquirer_code,
        "installment_plan_months": card.installment_plan_months,
        "is_interest_free": card.is_interest_free,
    }


def _won(amount: wire.Amount | None) -> int | None:
    return None if amount is None else wire.whole(amount)
