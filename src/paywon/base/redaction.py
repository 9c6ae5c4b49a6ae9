"""Takes out of a document what must never be stored or logged (invariant I13)."""

import re
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

from paywon.base.cards import card_numbers_in, is_card_field, plain_name

REDACTED: Final = "[redacted]"


class _Care(IntEnum):
    """How a value is treated for the name that it stands under; what stands below it is treated no better."""

    NONE = 0
    CARD = 1
    PERSONAL = 2
    ACCOUNT = 3
    SECRET = 4


# Names whose value goes, whatever it is, beside those of card data. Compared as ``plain_name`` has them.
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
        "customeridentitynumber",
        "residentregistrationnumber",
        "businessnumber",
        "businessregistrationnumber",
        "registrationnumber",
    ]
)
# Personal fields: shown by their shape only, so that an auditor sees that something was sent.
_PERSONAL_NAMES: Final = frozenset(
    [
        "customername",
        "customeremail",
        "customermobilephone",
        "customerphone",
        "customerphonenumber",
        "customeraddress",
        "customerip",
        "holdername",
        "accountholder",
        "accountholdername",
        "depositorname",
        "representativename",
        "buyername",
        "buyeremail",
        "buyertel",
        "receivername",
        "recipientname",
        "username",
        "email",
        "phone",
        "phonenumber",
        "mobilenumber",
        "tel",
        "address",
    ]
)
# Personal where a person stands around them, or where nothing stands below them: Toss has objects of these names too.
_PERSONAL_INSIDE: Final = frozenset({"customer", "individual", "buyer"})
# Where ``number`` is a card's: in Toss's answers, and in what is kept of a billing key.
_CARDS: Final = frozenset({"card", "cardmeta"})
_PERSONAL_TEXTS: Final = frozenset({"mobilephone"})
# A virtual account's own number must be shown to the customer; a refund account's must not be kept.
_ACCOUNT_NAMES: Final = frozenset({"accountnumber", "bankaccountnumber", "refundaccountnumber"})
# A card's number as gateways mask it: 13 to 19 digits and stars, in groups or not.
_MASKED: Final = re.compile(r"(?<![0-9A-Za-z*])[0-9*](?:[ -]?[0-9*]){12,18}(?![0-9A-Za-z*])")
# How much of a card's number is kept (specification 1: only the last four).
_LAST: Final = 4
# What PostgreSQL tells of a row that it refuses: the row itself.
_DETAIL: Final = re.compile(r"^(\s*DETAIL:).*$", re.MULTILINE)


def redact(value: Any, *, inside: str = "", show_accounts: bool = True) -> Any:
    """Copy a JSON-like value with card, account and personal data taken out.

    ``inside`` is the name of the field that holds the value; the copy shares nothing with the original. A virtual
    account's own number stays, unless ``show_accounts`` is False: in what anybody may have sent it is not believed.
    Of a masked card number, which Toss shows more of, its last four signs stay.
    """
    return _copy(value, plain_name(inside), _Care.NONE, show_accounts)


def redact_text(text: str) -> str:
    """Blank everything that passes as a card number (``cards.card_numbers_in``).

    NUL, which PostgreSQL stores in no text, becomes U+FFFD.
    """
    return without_cards(_storable(text))


def without_cards(text: str) -> str:
    """Blank everything that passes as a card number, and leave the rest as it is."""
    for begin, end in reversed(card_numbers_in(text)):
        text = text[:begin] + REDACTED + text[end:]
    return text


def redact_trouble(text: str) -> str:
    """Blank in the words of an error what ``redact_text`` does, and the rows that PostgreSQL quotes."""
    return _DETAIL.sub(rf"\1 {REDACTED}", redact_text(text))


def last_four(text: str) -> str:
    """Mask every masked card number in a text further, so that no more of it than its last four signs is left."""
    return _MASKED.sub(lambda found: _starred(found[0]) if "*" in found[0] else found[0], text)


def last_four_in(document: Any) -> Any:
    """Copy a document with ``last_four`` of each text: for what was stored, and closed, before that was done there."""
    if isinstance(document, Mapping):
        return {name: last_four_in(item) for name, item in document.items()}
    if isinstance(document, list):
        return [last_four_in(item) for item in document]
    return last_four(document) if isinstance(document, str) else document


def _starred(number: str) -> str:
    """Put a star for each digit, except among the last four signs: ``43306542****090*`` → ``************090*``."""
    return re.sub(r"[0-9]", "*", number[:-_LAST]) + number[-_LAST:]


def holds_account(name: str) -> bool:
    """Whether a field is meant for an account number, by its name in any spelling."""
    return plain_name(name) in _ACCOUNT_NAMES | {"계좌번호"}


def _copy(value: Any, inside: str, care: _Care, show_accounts: bool) -> Any:
    if isinstance(value, Mapping):
        copied = {}
        for name, item in value.items():
            plain = plain_name(str(name))
            own = max(care, _care_of(plain, item, inside))
            shown = show_accounts and own is _Care.ACCOUNT and inside == "virtualaccount"
            copied[redact_text(str(name))] = _as_it_is(item) if shown else _copy(item, plain, own, show_accounts)
        return copied
    if isinstance(value, list | tuple):
        return [_copy(item, inside, care, show_accounts) for item in value]
    return _leaf(value, care)


def _as_it_is(number: Any) -> Any:
    """Copy a virtual account's own number whole, though it may pass as a card's; what is no number is none."""
    return _storable(str(number)) if isinstance(number, str | int) else _copy(number, "", _Care.ACCOUNT, False)


def _care_of(plain: str, item: Any, inside: str) -> _Care:
    if plain in _SECRET_NAMES or is_card_field(plain):
        return _Care.SECRET
    if plain in _ACCOUNT_NAMES:
        return _Care.ACCOUNT
    alone = plain in _PERSONAL_TEXTS and not isinstance(item, Mapping)
    if plain == "number" and inside in _CARDS and isinstance(item, str | int):
        return _Care.CARD
    if plain in _PERSONAL_NAMES or alone or (plain == "name" and inside in _PERSONAL_INSIDE):
        return _Care.PERSONAL
    return _Care.NONE


def _leaf(value: Any, care: _Care) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if care is _Care.SECRET:
        return REDACTED
    if care is _Care.CARD:
        return _starred(redact_text(str(value)))
    if isinstance(value, str | int) and care is not _Care.NONE:
        text = _storable(str(value))
        return f"***{text[-3:]}" if care is _Care.ACCOUNT else f"{text[:1]}***"
    if isinstance(value, str):
        return last_four(redact_text(value))
    if isinstance(value, int) and redact_text(str(value)) == REDACTED:
        return REDACTED
    return value


def _storable(text: str) -> str:
    return text.replace("\x00", "\ufffd")
