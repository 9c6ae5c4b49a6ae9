"""Takes out of a document what must never be stored or logged (invariant I13)."""

import re
from collections.abc import Mapping
from typing import Any, Final

REDACTED: Final = "[redacted]"

# Names whose value goes, whatever it is. Compared without case, dashes and underscores.
_SECRET_NAMES: Final = frozenset(
    [
        "authorization",
        "secret",
        "secretkey",
        "clientkey",
        "apikey",
        "password",
        "token",
        "authkey",
        "billingkey",
        "signature",
        "cardnumber",
        "cardpassword",
        "cardexpirationyear",
        "cardexpirationmonth",
        "cvc",
        "cvv",
        "customeridentitynumber",
        "businessnumber",
        "registrationnumber",
    ]
)
# Personal fields: shown by their shape only, so that an auditor sees that something was sent.
_PERSONAL_NAMES: Final = frozenset(
    [
        "customername",
        "customeremail",
        "customermobilephone",
        "customerphonenumber",
        "holdername",
        "depositorname",
        "customerip",
        "email",
        "phone",
        "phonenumber",
    ]
)
# A virtual account's own number must be shown to the customer; a refund account's must not be kept.
_ACCOUNT_NAMES: Final = frozenset({"accountnumber", "bankaccountnumber"})
# An order number of ours has 13 digits in it (a time), and one in ten of them would pass Luhn's check.
_CARD_LIKE: Final = re.compile(
    r"(?<![0-9A-Za-z])(?!(?<=ORD-)[0-9]{13}-[0-9A-Z]{8}\b)(?:[0-9][ -]?){12,18}[0-9](?![0-9A-Za-z])"
)


def redact(value: Any, *, inside: str = "") -> Any:
    """Copy a JSON-like value with card, account and personal data taken out.

    ``inside`` is the name of the field that holds the value; the copy shares nothing with the original.
    """
    if isinstance(value, Mapping):
        return {redact_text(str(name)): _redact_field(str(name), item, inside=inside) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item, inside=inside) for item in value]
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, int) and not isinstance(value, bool) and redact_text(str(value)) == REDACTED:
        return REDACTED
    return value


def redact_text(text: str) -> str:
    """Blank every run of digits that passes as a card number (13 to 19 digits and Luhn's check).

    NUL, which PostgreSQL stores in no text, becomes U+FFFD.
    """
    text = _storable(text)
    return _CARD_LIKE.sub(lambda match: REDACTED if _passes_luhn(match[0]) else match[0], text)


def _redact_field(name: str, value: Any, *, inside: str) -> Any:
    plain = name.replace("-", "").replace("_", "").lower()
    if value is None:
        return None
    if plain in _SECRET_NAMES and not isinstance(value, Mapping | list):
        return REDACTED
    if plain in _PERSONAL_NAMES and isinstance(value, str | int):
        return f"{_storable(str(value))[:1]}***"
    if plain in _ACCOUNT_NAMES and isinstance(value, str | int):
        text = _storable(str(value))
        return text if inside == "virtualaccount" else f"***{text[-3:]}"
    return redact(value, inside=plain)


def _storable(text: str) -> str:
    return text.replace("\x00", "\ufffd")


def _passes_luhn(text: str) -> bool:
    digits = [int(sign) for sign in text if sign.isdigit()]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
