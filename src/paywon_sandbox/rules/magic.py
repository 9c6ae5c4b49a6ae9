"""Numbers that play a refusal: the sandbox's own, so that real causes can be tried without a window."""

from __future__ import annotations

from paywon_sandbox.core.errors import TossError

# Cards 94100000000000NN: what the card company answers. True cards do not begin with 9.
CARD_PREFIX = "94100000000000"
CARDS = {
    "01": "INVALID_STOPPED_CARD",
    "02": "INVALID_CARD_LOST_OR_STOLEN",
    "03": "REJECT_CARD_PAYMENT",
    "04": "REJECT_CARD_COMPANY",
    "05": "INVALID_REJECT_CARD",
    "06": "NOT_SUPPORTED_CARD_TYPE",
    "07": "EXCEED_MAX_AUTH_COUNT",
    "08": "NOT_REGISTERED_CARD_COMPANY",
    "09": "INVALID_CARD_PASSWORD",
    "10": "INVALID_CARD_IDENTITY",
    "11": "FAILED_CARD_COMPANY_RESPONSE",
    "12": "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN",
    "13": "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT",
    "14": "NOT_ALLOWED_POINT_USE",
    "15": "EXCEED_MAX_PAYMENT_AMOUNT",
    "16": "EXCEED_MAX_DAILY_PAYMENT_COUNT",
    "17": "EXCEED_MAX_ONE_DAY_AMOUNT",
    "18": "CARD_PROCESSING_ERROR",
    "19": "FDS_ERROR",
    "20": "PROVIDER_ERROR",
}
# Found out when a card is registered; everything else when it is charged (toss/api.md 7 [M] for the card type).
AT_ISSUE = frozenset(
    {"INVALID_STOPPED_CARD", "INVALID_REJECT_CARD", "EXCEED_MAX_AUTH_COUNT", "NOT_REGISTERED_CARD_COMPANY"}
    | {"INVALID_CARD_PASSWORD", "INVALID_CARD_IDENTITY", "REJECT_CARD_COMPANY"}
)

# Refund accounts 9990000NN: what the customer's bank answers.
REFUND_PREFIX = "9990000"
REFUNDS = {
    "01": "INVALID_REFUND_ACCOUNT_INFO",
    "02": "FORBIDDEN_BANK_REFUND_REQUEST",
    "03": "REFUND_REJECTED",
    "04": "FAILED_REFUND_PROCESS",
    "05": "FAILED_PARTIAL_REFUND",
    "06": "NOT_AVAILABLE_BANK",
}


def card_refusal(number: str) -> str | None:
    """The code that a card number plays; None for any other."""
    return CARDS.get(number.removeprefix(CARD_PREFIX)) if number.startswith(CARD_PREFIX) else None


def refuse_card(number: str) -> None:
    """Raises what the card number plays."""
    code = card_refusal(number)
    if code is not None:
        raise TossError(code)


def refuse_refund(account_number: str | None, *, partial: bool) -> None:
    """Raises what the refund account plays; FAILED_PARTIAL_REFUND only for a part."""
    number = account_number or ""
    code = REFUNDS.get(number.removeprefix(REFUND_PREFIX)) if number.startswith(REFUND_PREFIX) else None
    if code is not None and (partial or code != "FAILED_PARTIAL_REFUND"):
        raise TossError(code)
