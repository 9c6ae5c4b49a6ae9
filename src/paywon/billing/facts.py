"""Turns Toss's Billing object into our columns. Pure; the only place that knows both shapes."""

from typing import Any

from paywon.base.redaction import redact
from paywon.toss import wire
from paywon.toss.codes import card_company_name


def key_columns(answer: wire.Billing) -> dict[str, Any]:
    """Answer the columns of ``billing_keys`` that may be shown, by name; the key itself is not among them."""
    return {
        "method": answer.method,
        "card_meta": _means(answer),
        "authenticated_at": answer.authenticated_at,
    }


def _means(answer: wire.Billing) -> dict[str, Any] | None:
    """Describe the card, or the account that a transfer takes the money from, as far as it may be kept (I13)."""
    if (card := answer.card) is not None:
        means: dict[str, Any] = {
            "issuerCode": card.issuer_code,
            "issuerName": _company(card.issuer_code),
            "acquirerCode": card.acquirer_code,
            "acquirerName": _company(card.acquirer_code),
            "number": card.number,
            "cardType": card.card_type,
            "ownerType": card.owner_type,
        }
    elif answer.transfers:
        account = answer.transfers[0]
        means = {"bankName": account.bank_name, "bankAccountNumber": account.bank_account_number}
    else:
        return None
    kept: dict[str, Any] = redact(means, inside="card" if answer.card is not None else "")
    return kept


def _company(code: str | None) -> str | None:
    return card_company_name(code) if code else None
