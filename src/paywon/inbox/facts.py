"""Turns webhooks, Toss's Payment and our own rows into what is claimed and what is shown. Pure."""

import re
from collections.abc import Iterable
from typing import Any

from paywon.base.ids import PaymentKey
from paywon.base.redaction import redact_text
from paywon.inbox.claims import Claim, Shown
from paywon.payments.model import Cancel, CancelStatus, Payment, PaymentStatus
from paywon.toss import wire
from paywon.toss.webhooks import Webhook

_MAX_CANCELS = 100
_MAX_WON = 10**12
"""Far more than any payment, and with fewer digits than a card's number."""
_MAX_CHARS = 300
_DONE = "DONE"
_WORD = re.compile(r"[A-Z_]{1,40}")


def claim_of(told: Webhook) -> Claim:
    """Take what a webhook claims of a payment. Anybody may have sent it, so what is no name of Toss's is left out."""
    if told.event_type == "CANCEL_STATUS_CHANGED":
        key = storable_name(told.transaction_key)
        return Claim(cancels={key: _word(told.status) or _DONE} if key else {}, at=told.created_at)
    data = told.raw.get("data")
    body: dict[str, Any] = data if isinstance(data, dict) else told.raw
    payment_key = storable_name(told.payment_key)
    return Claim(
        status=_word(told.status),
        payment_key=PaymentKey(payment_key) if payment_key else None,
        transaction_key=storable_name(told.transaction_key),
        balance_krw=_won(body.get("balanceAmount")),
        cancels=_cancels(body.get("cancels")),
        at=told.created_at,
    )


def storable_name(told: object) -> str | None:
    """Take the name that a sender gives something; what passes as a card's number names nothing of Toss's."""
    if not isinstance(told, str) or not told or redact_text(told) != told:
        return None
    return told[:_MAX_CHARS]


def shown_by_toss(answer: wire.Payment, *, earlier: Iterable[str] = ()) -> Shown | None:
    """Take what a read shows; None where its status is of no kind that we know. ``earlier``: see ``Shown``."""
    status = PaymentStatus.__members__.get(answer.status)
    if status is None:
        return None
    cancels = {cancel.transaction_key: cancel.cancel_status or _DONE for cancel in answer.cancels or []}
    return Shown(
        payment_key=PaymentKey(answer.payment_key),
        status=status,
        balance_krw=_won(answer.balance_amount),
        transaction_key=answer.last_transaction_key,
        cancels={key: state for key, state in cancels.items() if key},
        is_account=answer.virtual_account is not None,
        requested_at=answer.requested_at,
        approved_at=answer.approved_at,
        earlier=frozenset(earlier) - {answer.last_transaction_key or ""},
    )


def shown_by_books(payment: Payment, cancels: Iterable[Cancel], *, earlier: Iterable[str] = ()) -> Shown:
    """Take what our books show of a payment that Toss has named."""
    return Shown(
        payment_key=payment.payment_key,
        status=payment.status,
        balance_krw=payment.balance_amount,
        transaction_key=payment.last_transaction_key,
        cancels={
            cancel.transaction_key: cancel.cancel_status
            for cancel in cancels
            if cancel.transaction_key and cancel.cancel_status != CancelStatus.FAILED
        },
        is_account=payment.virtual_account is not None,
        requested_at=payment.requested_at,
        approved_at=payment.approved_at,
        earlier=frozenset(earlier) - {payment.last_transaction_key or ""},
    )


def _won(amount: object) -> int | None:
    whole = isinstance(amount, int) and not isinstance(amount, bool) and 0 <= amount < _MAX_WON
    return int(amount) if whole else None  # type: ignore[call-overload]


def _word(told: object) -> str | None:
    """Take one of Toss's words for a state; what is none says nothing."""
    return told if isinstance(told, str) and _WORD.fullmatch(told) else None


def _cancels(told: object) -> dict[str, str]:
    if not isinstance(told, list):
        return {}
    entries = [entry for entry in told[:_MAX_CANCELS] if isinstance(entry, dict)]
    named = {storable_name(entry.get("transactionKey")): _word(entry.get("cancelStatus")) for entry in entries}
    return {key: status or _DONE for key, status in named.items() if key}
