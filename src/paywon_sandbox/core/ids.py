"""Identifiers in the shapes that Toss publishes (toss/api.md 1.5)."""

from __future__ import annotations

import base64
import hashlib
import secrets
import string
from datetime import datetime

from paywon_sandbox.settings import KST, MERCHANT_ID

_ALNUM = string.ascii_letters + string.digits
_LOWER = string.ascii_lowercase + string.digits


class _Randomness:
    """The system's randomness in large pieces: asking for it costs more than everything else about an id."""

    def __init__(self) -> None:
        self._pool, self._used = b"", 0

    def take(self, length: int) -> bytes:
        """Bytes that were never given out before."""
        if self._used + length > len(self._pool):
            self._pool, self._used = secrets.token_bytes(4096), 0
        self._used += length
        return self._pool[self._used - length : self._used]


_RANDOMNESS = _Randomness()


def _random(alphabet: str, length: int) -> str:
    """A slight preference for some characters does no harm here."""
    size = len(alphabet)
    return "".join([alphabet[byte % size] for byte in _RANDOMNESS.take(length)])


def payment_key(at: datetime) -> str:
    """Merchant prefix, time and suffix, like `tosspayments20240213121757ReDy1`."""
    return f"{MERCHANT_ID}{at.astimezone(KST):%Y%m%d%H%M%S}{_random(_ALNUM, 5)}"


def transaction_key(method: str) -> str:
    """32 upper hex digits, or `txrd_…` for bank transfers as in the samples."""
    if method == "계좌이체":
        return f"txrd_a01{_random(_LOWER, 24)}"
    return _RANDOMNESS.take(16).hex().upper()


def payment_secret() -> str:
    """`ps_…`, at most 50 characters."""
    return f"ps_{_random(_ALNUM, 28)}"


def receipt_key() -> str:
    """48 random characters."""
    return _random(_ALNUM, 48)


def issue_number() -> str:
    """Nine digits of a cash receipt."""
    return _random(string.digits, 9)


def account_number() -> str:
    """A test virtual account number: `X` and 13 digits (toss/api.md 4)."""
    return f"X{_random(string.digits, 13)}"


def fixed_account_number(account_key: str, bank_code: str) -> str:
    """The same number for the same accountKey, without the `X` of a 일반 account (toss/api.md 4)."""
    digest = hashlib.sha256(f"{bank_code}/{account_key}".encode()).digest()
    return f"{int.from_bytes(digest[:8]) % 10**14:014d}"


def auth_key() -> str:
    """`bln_…`, single use."""
    return f"bln_{_random(_ALNUM, 11)}"


def billing_key() -> str:
    """44 characters of URL-safe base64, the `=` included (toss/api.md 16)."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def seller_id() -> str:
    """At most 35 characters (toss/api.md 13); the sample is `seller-1`."""
    return f"seller-{_random(_LOWER, 20)}"


def payout_id() -> str:
    """`FPA_…`."""
    return f"FPA_{_random(string.digits, 16)}"


def event_id() -> str:
    """`evt_…` of a v2 event."""
    return f"evt_{_random(_LOWER, 24)}"


def transmission_id() -> str:
    """`whtrans_…` of a webhook."""
    return f"whtrans_a01{_random(_LOWER, 24)}"


def trace_id() -> str:
    """The x-tosspayments-trace-id of one answer."""
    return _RANDOMNESS.take(16).hex()


def control_id(prefix: str) -> str:
    """Id of a sandbox record such as a webhook or a fault."""
    return f"{prefix}_{_random(_LOWER, 16)}"
