"""Tells secrets that are none: typed by a person, counted up, or copied from an example. Pure."""

import re
from itertools import pairwise
from typing import Final
from urllib.parse import unquote, urlsplit

# Fewer different bytes than this are no 32 random ones: that would happen once in 10^40.
_FEWEST_BYTES: Final = 10
_FEWEST_SIGNS: Final = 6
# What examples and templates write where a secret belongs. A random text has one of them by chance once in millions.
_PLACEHOLDER: Final = re.compile(
    r"secret|password|passwd|change[-_ ]?(it|me|this)|example|your[-_ ]|replace|dummy|sample|paywon|tosspayments",
    re.IGNORECASE,
)
_DEFAULT_PASSWORDS: Final = frozenset(
    {
        "1234",
        "12345",
        "123456",
        "12345678",
        "123456789",
        "admin",
        "administrator",
        "change-me",
        "changeit",
        "changeme",
        "default",
        "demo",
        "example",
        "guest",
        "letmein",
        "mysecretpassword",
        "pass",
        "passw0rd",
        "password",
        "paywon",
        "pgpass",
        "postgres",
        "postgresql",
        "qwerty",
        "redis",
        "root",
        "secret",
        "test",
        "toss",
        "user",
        "valkey",
    }
)


def is_guessable_key(key: bytes) -> bool:
    """Whether the bytes of a key were made by hand: letters, a count, or a few bytes again and again."""
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    typed = all(0x20 <= byte < 0x7F for byte in key)
    return typed or len(steps) <= 1 or len(set(key)) < _FEWEST_BYTES


def is_guessable_secret(text: str) -> bool:
    """Whether a secret text is a placeholder, or a few signs again and again."""
    return len(set(text)) < _FEWEST_SIGNS or _PLACEHOLDER.search(text) is not None


def has_default_password(url: str) -> bool:
    """Whether an address carries a password that everybody tries first; one without a password does not."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False  # whoever connects says what is wrong with it
    password = unquote(parts.password or "")
    return bool(password) and password.lower() in _DEFAULT_PASSWORDS | {unquote(parts.username or "").lower()}
