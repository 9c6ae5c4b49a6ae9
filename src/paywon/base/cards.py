"""Finds card numbers in text, and fields that are meant for card data. Pure (ADR 0011)."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

# Digits of any script in groups of four or more, as cards are written; only the last group may be shorter. Rows of
# small numbers (sizes, ratings) are none. Digits that touch a Latin letter are part of a code.
_SEPARATOR: Final = r"[\s.·_‐-―−-]{1,3}"
_RUN: Final = re.compile(rf"(?<![0-9A-Za-z])\d{{4,}}(?:{_SEPARATOR}\d{{4,}})*(?:{_SEPARATOR}\d{{1,3}})?(?![0-9A-Za-z])")
_GROUP: Final = re.compile(r"\d+")
# Codes with so many digits that some would pass: our order numbers (with a time in them) and UUIDs.
_CODES: Final = re.compile(
    r"ORD-[0-9]{13}-[0-9A-Z]{8}\b|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
)
_SHORTEST, _LONGEST = 13, 19
# Of at least four digits each, but for the last.
_SPANNED: Final = _LONGEST // 4 + 1
_MOST_GROUPS: Final = 50
_DOUBLED: Final = {str(digit): digit * 2 - 9 if digit > 4 else digit * 2 for digit in range(10)}

# Who issues what: first digits from … to, and how long a number may be (ISO/IEC 7812 and the schemes' own tables).
_ISSUERS: Final = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14, 16, 19)),  # Diners Club
    ("3095", "3095", (14, 16, 19)),
    ("36", "36", (14, 16, 19)),
    ("38", "39", (14, 16, 19)),
    ("3528", "3589", (16, 17, 18, 19)),  # JCB
    ("50", "50", (16, 17, 18, 19)),  # Maestro
    ("56", "58", (16, 17, 18, 19)),
    ("6", "6", (16, 17, 18, 19)),  # Discover, UnionPay, Maestro
    ("81", "81", (16, 17, 18, 19)),  # UnionPay
    ("9", "9", (16,)),  # cards that are good in Korea only
)

_FIELDS: Final = re.compile(
    r"(?:(?:credit|debit|check|payment|bank|new|customer|my)?card(?:number|no|num|nr|pan|password|passwd|pw|pin|pincode"
    r"|cvc|cvv|csc|securitycode|verificationcode|expiry|expiration|expires|validthru|exp|expdate|expirydate"
    r"|expirationdate|expiryyear|expirymonth|expirationyear|expirationmonth|expyear|expmonth)"
    r"|ccnumber|ccnum|ccno|cccvc|cccvv|ccexp|primaryaccountnumber|cvc|cvv|cvn|cavv|trackdata|track[12]data|magstripe"
    r"|신용카드번호|카드번호|카드비밀번호|카드유효기간|cvc번호|cvv번호)[0-9]*"
)


def card_numbers_in(text: str) -> list[tuple[int, int]]:
    """Find what passes as a card number: 13 to 19 digits, a length that its first digits' issuer has, Luhn's check.

    Answers where each begins and ends. Of digits in groups, as people write them, any groups
    side by side may be the number.
    """
    if len(text) < _SHORTEST or _RUN.search(text) is None:
        return []
    # Codes keep their length, so that places stay as they are.
    masked = _CODES.sub(lambda code: "A" * len(code[0]), text)
    return [place for run in _RUN.finditer(masked) for place in _in_run(masked, run.start(), run.end())]


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """Reduce a field's name to what is compared: ``Card-Number``, ``card_number`` and ``ＣＡＲＤ number`` are one."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", name).casefold() if sign.isalnum())


def is_card_field(name: str) -> bool:
    """Whether a field is meant for card data, by its name in any spelling."""
    return _FIELDS.fullmatch(plain_name(name)) is not None


def _in_run(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Find card numbers in a run of digits and separators, from the left; the longest where several begin."""
    groups = [found.span() for found in _GROUP.finditer(text, start, end)]
    if len(groups) > _MOST_GROUPS:
        yield start, end  # among so many numbers one passes as a card's, if only by chance
        return
    behind = 0
    for number, (begin, _) in enumerate(groups):
        if begin >= behind and (found := _longest_from(text, groups[number : number + _SPANNED])) is not None:
            behind = found
            yield begin, found


def _longest_from(text: str, groups: list[tuple[int, int]]) -> int | None:
    """Answer where the longest card number ends that begins with the first of these groups."""
    digits, found = "", None
    for begin, end in groups:
        if len(digits) + end - begin > _LONGEST:
            break
        digits += "".join(str(unicodedata.digit(sign)) for sign in text[begin:end])
        if len(digits) in _lengths(digits[:4]) and _passes_luhn(digits):
            found = end
    return found


@lru_cache(maxsize=10_000)
def _lengths(head: str) -> frozenset[int]:
    """How long numbers with these first digits may be."""
    return frozenset(length for low, high, lengths in _ISSUERS if low <= head[: len(low)] <= high for length in lengths)


def _passes_luhn(digits: str) -> bool:
    return sum(map(int, digits[-1::-2])) % 10 == -sum(_DOUBLED[digit] for digit in digits[-2::-2]) % 10
