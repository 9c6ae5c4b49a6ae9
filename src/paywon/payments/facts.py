"""Turns Toss's Payment object into a fact and into our columns. Pure; the only place that knows both shapes."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from paywon.base.ids import OrderNo, PaymentKey
from paywon.base.redaction import redact, redact_text
from paywon.payments.model import APPROVED, CancelStatus, Fact, PaymentMethod, PaymentStatus
from paywon.toss import wire
from paywon.toss.body import fitting, read_tree
from paywon.toss.codes import card_company_name
from paywon.toss.outcome import Call

# Toss's words for the means of payment, Korean and English (toss/codes.md), and seed 1's. Of the others seed 1 has
# none.
_METHODS: Final = {
    "카드": PaymentMethod.CARD,
    "CARD": PaymentMethod.CARD,
    "간편결제": PaymentMethod.CARD,
    "EASY_PAY": PaymentMethod.CARD,
    "계좌이체": PaymentMethod.TRANSFER,
    "TRANSFER": PaymentMethod.TRANSFER,
    "가상계좌": PaymentMethod.VIRTUAL_ACCOUNT,
    "VIRTUAL_ACCOUNT": PaymentMethod.VIRTUAL_ACCOUNT,
    "휴대폰": PaymentMethod.MOBILE,
    "MOBILE_PHONE": PaymentMethod.MOBILE,
}
# Toss's words for the state of a cancel (toss/codes.md); our own two are none of them.
_CANCEL_STATES: Final = frozenset({CancelStatus.DONE, CancelStatus.IN_PROGRESS, CancelStatus.ABORTED})


def fact_of(answer: wire.Payment, asked_at: datetime) -> Fact | None:
    """Take what Toss says as a fact; None where ``unfit`` says why it cannot be one."""
    if unfit(answer) is not None:
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


def unfit(answer: wire.Payment) -> str | None:
    """Say which field of a payment is of no kind that our books know, and why; None where all are."""
    total, balance = wire.whole(answer.total_amount), wire.whole(answer.balance_amount)
    if answer.status not in PaymentStatus.__members__:
        return f"status: {redact_text(answer.status)[:50]!r} is none that we know"
    if total is None:
        return "totalAmount: is not whole"
    if balance is None:
        return "balanceAmount: is not whole"
    if not 0 <= balance <= total:
        return "balanceAmount: is not between 0 and totalAmount"
    return None


def payment_columns(answer: wire.Payment, raw: dict[str, Any], fact: Fact) -> dict[str, Any]:
    """Answer the columns of ``payments`` that Toss's answer fills, by name."""
    return {
        "payment_key": fact.payment_key,
        "method": answer.method,
        **_means_column(answer),
        "status": fact.status,
        "balance_amount": fact.balance_amount,
        "vat": _won(answer.vat),
        "supplied_amount": _won(answer.supplied_amount),
        "tax_free_amount": _won(answer.tax_free_amount),
        "tax_exemption_amount": _won(answer.tax_exemption_amount),
        **({"requested_at": answer.requested_at} if answer.requested_at else {}),
        "approved_at": _approved_at(answer, raw, fact),
        "receipt_url": answer.receipt.url if answer.receipt else None,
        "checkout_url": answer.checkout.url if answer.checkout else None,
        "last_transaction_key": answer.last_transaction_key,
        "is_partial_cancelable": answer.is_partial_cancelable,
        "easy_pay_provider": answer.easy_pay.provider if answer.easy_pay else None,
        "virtual_account": _virtual_account(answer, raw),
        **({"secret_digest": digest_of_secret(answer.secret)} if answer.secret else {}),
        "cash_receipts": _cash_receipts(answer, raw),
        "fail_code": answer.failure.code if answer.failure else None,
        "fail_message": redact(answer.failure.message) if answer.failure else None,
        "raw_response": keepable(raw),
        "fact_asked_at": fact.asked_at,
        **_card_columns(answer.card),
    }


def method_of(word: str | None) -> PaymentMethod | None:
    """Return seed 1's word for one of Toss's; None where it has none."""
    return _METHODS.get(word or "")


def _means_column(answer: wire.Payment) -> dict[str, PaymentMethod | None]:
    """Tell how it is paid in seed 1's words; what was asked for stays where Toss says nothing (READY, EXPIRED)."""
    if answer.method and answer.method.strip():
        return {"payment_method": method_of(answer.method)}
    if answer.is_by_account:
        return {"payment_method": PaymentMethod.VIRTUAL_ACCOUNT}
    return {"payment_method": PaymentMethod.CARD} if answer.card is not None else {}


def _approved_at(answer: wire.Payment, raw: dict[str, Any], fact: Fact) -> datetime | None:
    """Tell when it was approved; when we asked, where Toss shows an approval and no time of it that can be read."""
    if answer.approved_at is not None:
        return answer.approved_at
    shown = fact.status in APPROVED or (fact.status is PaymentStatus.CANCELED and bool(raw.get("approvedAt")))
    return fact.asked_at if shown else None


def _virtual_account(answer: wire.Payment, raw: dict[str, Any]) -> dict[str, Any] | None:
    """Take the account as far as it can be read; an empty one where there is one and none of it can."""
    if answer.virtual_account is None:
        return {} if answer.is_by_account else None
    account, _ = fitting(raw["virtualAccount"], wire.VirtualAccount)
    shown: dict[str, Any] = redact(account, inside="virtualaccount")
    return shown


def cancels_listed(
    answer: wire.Payment, raw: dict[str, Any], known: Mapping[str, int]
) -> list[tuple[wire.Cancel, dict[str, Any]]]:
    """Pair each cancel that Toss lists with what it sent of it; ``known`` are the cancels in our books, by their keys.

    What an entry does not show itself follows from the rest: the newest cancel's key is the payment's
    lastTransactionKey (toss/api.md 5.4), and what went back in all is the total less the balance. An entry whose key or
    amount cannot be told even so is left out: the balance still says what went back.
    """
    found = [(_as_cancel(entry), entry if isinstance(entry, dict) else {}) for entry in _entries(answer, raw)]
    named = [cancel.transaction_key for cancel, _ in found]
    last = answer.last_transaction_key
    if named and named[-1] is None and last is not None and last not in named:
        found[-1] = (replace(found[-1][0], transaction_key=last), found[-1][1])
    total = wire.whole(answer.total_amount) or 0
    unsaid = [place for place, (cancel, _) in enumerate(found) if not _amount_of(cancel, total)]
    if len(unsaid) == 1:
        cancel, entry = found[unsaid[0]]
        said = {
            **known,
            **{other.transaction_key: _amount_of(other, total) or 0 for other, _ in found if other.transaction_key},
        }
        told = sum(amount for key, amount in said.items() if key != cancel.transaction_key)
        rest = total - (wire.whole(answer.balance_amount) or 0) - told
        found[unsaid[0]] = (replace(cancel, cancel_amount=rest), entry)
    listed = [(cancel, entry) for cancel, entry in found if cancel.transaction_key and _amount_of(cancel, total)]
    return [(_with_state(cancel, answer, listed), entry) for cancel, entry in listed]


def _with_state(
    cancel: wire.Cancel, answer: wire.Payment, listed: Sequence[tuple[wire.Cancel, dict[str, Any]]]
) -> wire.Cancel:
    """Return a cancel with a state that we know: for another word, or ours, the balance says whether it is done."""
    if cancel.cancel_status is None or cancel.cancel_status in _CANCEL_STATES:
        return cancel
    total = wire.whole(answer.total_amount) or 0
    went_back = total - (wire.whole(answer.balance_amount) or 0)
    is_done = sum(_amount_of(each, total) or 0 for each, _ in listed) <= went_back
    return replace(cancel, cancel_status=CancelStatus.DONE if is_done else CancelStatus.IN_PROGRESS)


def _entries(answer: wire.Payment, raw: dict[str, Any]) -> list[Any]:
    listed = raw.get("cancels")
    if isinstance(listed, list):
        return listed
    # Something went back, and the list that says so cannot be read: it stands for one entry.
    went_back = answer.balance_amount < answer.total_amount and listed is not None
    return [None] if went_back else []


def _as_cancel(entry: Any) -> wire.Cancel:
    return read_tree(entry if isinstance(entry, dict) else {}, wire.Cancel).value


def _amount_of(cancel: wire.Cancel, total: int) -> int | None:
    """Answer the won of a cancel; None where they cannot be told: no cancel is of nothing, or of more than was paid."""
    amount = _won(cancel.cancel_amount)
    return amount if amount is not None and 0 < amount <= total else None


def newest_cancel(answer: wire.Payment) -> str | None:
    """Return the transactionKey of the newest cancel, the last entry (toss/api.md 5.4); None where none can be read.

    The payment's ``lastTransactionKey`` stands for an entry whose own key cannot be read.
    """
    named = answer.cancels[-1].transaction_key if answer.cancels else None
    return named or answer.last_transaction_key


def shows_gone(payment_key: PaymentKey | None, call: Call) -> bool:
    """Whether a 2xx of Toss's shows that nothing is left under a paymentKey, whatever else of it fits our books."""
    body = call.response_body or {}
    gone = body.get("status") == PaymentStatus.CANCELED or body.get("balanceAmount") == 0
    return 200 <= (call.http_status or 0) < 300 and body.get("paymentKey") == payment_key is not None and gone


def cancel_columns(cancel: wire.Cancel, raw: dict[str, Any]) -> dict[str, Any]:
    """Answer the columns of ``payment_cancels`` that one entry of Toss's ``cancels`` fills, by name."""
    return {
        "transaction_key": cancel.transaction_key,
        "cancel_amount": _won(cancel.cancel_amount),
        # Ours has one, which stays where Toss's cannot be read.
        **({"cancel_reason": redact(cancel.cancel_reason)} if cancel.cancel_reason else {}),
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


def _cash_receipts(answer: wire.Payment, raw: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Take the payment's own receipts: the history where Toss sends one, else the one automatic receipt."""
    if answer.cash_receipts:
        found, _ = fitting(raw["cashReceipts"], list[wire.OwnReceipt])
    elif answer.cash_receipt is not None:
        found = [fitting(raw["cashReceipt"], wire.OwnReceipt)[0]]
    else:
        return None
    kept: list[dict[str, Any]] = redact(found)
    return kept


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
        # Toss masks the last digit too: ``43301234****123*`` (toss/api.md 4). What is left is kept as it came.
        "card_last_four_digits": card.number[-4:] if card.number else None,
        "card_approval_number": card.approve_no,
        "issuer_code": card.issuer_code,
        "acquirer_code": card.acquirer_code,
        "installment_plan_months": card.installment_plan_months,
        "is_interest_free": card.is_interest_free,
    }


def _won(amount: wire.Amount | None) -> int | None:
    return None if amount is None else wire.whole(amount)
