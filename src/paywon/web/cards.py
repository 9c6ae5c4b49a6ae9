"""Refuses card data at the doors, before anything is stored, sealed or sent on (ADR 0011)."""

from typing import Any, Final

from paywon.base.cards import card_numbers_in, is_card_field
from paywon.base.errors import PaywonError
from paywon.base.redaction import holds_account, without_cards

# A host's own names of things: one in twenty numbers of sixteen digits passes as a card's by chance, and a user
# whose number does has to be able to pay.
HOST_IDS: Final = frozenset({"userId", "resourceId", "customerKey"})
# Sent to Toss and kept sealed, or by their last digits only: receipts are issued to cards too, and accounts look alike.
NUMBERS_FOR_TOSS: Final = frozenset({"accountNumber", "customerIdentityNumber", "registrationNumber", "authKey"})
_UNSEARCHED: Final = HOST_IDS | NUMBERS_FOR_TOSS
# A host's own documents hold what they like; what a field is called tells what it is for.
_FREE: Final = frozenset({"metadata", "options"})


def refuse_card_data(document: Any) -> None:
    """See that a body has no field for card data and no text with a card number, at any depth.

    ``document`` has tuples of pairs for objects.

    Raises:
        PaywonError: CARD_DATA_REFUSED or ACCOUNT_NUMBER_REFUSED, naming the field.
    """
    _search(document, path="", free=False)


def refuse_card_number(name: str, text: str) -> None:
    """See that a parameter is no card number. Raises as ``refuse_card_data``."""
    if name not in HOST_IDS and card_numbers_in(text):
        raise _refused("CARD_DATA_REFUSED", name)


def _search(value: Any, *, path: str, free: bool) -> None:
    if isinstance(value, tuple):
        for name, item in value:
            _search_field(name, item, path=f"{path}.{name}".lstrip("."), free=free)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            _search(item, path=f"{path}[{place}]", free=free)
    elif isinstance(value, str | int) and card_numbers_in(str(value)):
        raise _refused("CARD_DATA_REFUSED", path)


def _search_field(name: str, item: Any, *, path: str, free: bool) -> None:
    if is_card_field(name) or card_numbers_in(name):
        raise _refused("CARD_DATA_REFUSED", path)
    if free and holds_account(name):
        raise _refused("ACCOUNT_NUMBER_REFUSED", path)
    if free or name not in _UNSEARCHED or isinstance(item, tuple | list):
        _search(item, path=path, free=free or name in _FREE)


def _refused(code: str, field: str) -> PaywonError:
    # The name may itself hold what is refused; and nobody is told 200 KB of it.
    named = without_cards(field)[:100] or "(body)"
    return PaywonError(code, field=named, name=named)
