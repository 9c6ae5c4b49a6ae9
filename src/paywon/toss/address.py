"""What goes into a request's address and headers, checked before anything is sent: ValueError, no value quoted."""

import base64
import re
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import quote, urlencode

from yarl import URL

MAX_IDEMPOTENCY_KEY_CHARS = 300
"""More is 400 INVALID_IDEMPOTENCY_KEY (toss/api.md 1.2 [2src])."""

MAX_PATH_SEGMENT_CHARS = 200
"""paymentKey, billingKey and receiptKey, the longest identifiers that travel in a path (toss/api.md 1.5)."""

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def basic(secret_key: str) -> str:
    """The Authorization value: the key as user, an empty password, the colon encoded too (toss/api.md 1.1
    [2src]).

    Raises ValueError, without quoting the key, on what Toss would only answer with a puzzling 401: white
    space, a byte order mark, a colon, a client key.
    """
    if not secret_key:
        raise ValueError("the Toss secret key is empty")
    if secret_key.startswith("\ufeff"):
        raise ValueError("the Toss secret key starts with a byte order mark")
    if not all("!" <= char <= "~" for char in secret_key):
        raise ValueError("the Toss secret key holds white space or a character outside ASCII")
    if ":" in secret_key:
        raise ValueError("the Toss secret key holds a colon; give the key alone")
    if re.match(r"(test|live)_g?ck_", secret_key):
        raise ValueError("a Toss client key stands where the secret key belongs (…_sk_ or …_gsk_)")
    return "Basic " + base64.b64encode(f"{secret_key}:".encode()).decode()


def checked_base_url(base_url: str, secret_key: str) -> str:
    """The address that paths are appended to; a live key is sent in clear text to this machine only."""
    url = None
    with suppress(ValueError):
        url = URL(base_url.strip())
    if url is None or url.scheme not in ("http", "https") or not url.host:
        raise ValueError("base_url has to be an absolute http(s) address")
    if url.user is not None or url.password is not None or url.query_string or url.fragment:
        raise ValueError("base_url has to be a bare address, without user, query or fragment")
    if secret_key.startswith("live_") and url.scheme == "http" and url.host not in _LOOPBACK:
        raise ValueError("a live key is not sent in clear text: base_url has to be https")
    return str(url).rstrip("/")


def checked_idempotency_key(key: str) -> str:
    """The key if Toss would take it."""
    if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY_CHARS:
        raise ValueError(f"an idempotency key has 1 to {MAX_IDEMPOTENCY_KEY_CHARS} characters")
    if not all("!" <= char <= "~" for char in key):
        raise ValueError("an idempotency key is visible ASCII")
    return key


def segment(text: str) -> str:
    """`text` as one path segment, nothing in it able to leave that segment."""
    if not 1 <= len(text) <= MAX_PATH_SEGMENT_CHARS or text in (".", "..") or not text.isprintable():
        raise ValueError(
            f"a key in a path has 1 to {MAX_PATH_SEGMENT_CHARS} printable characters and is no dot segment"
        )
    return quote(text, safe="")


def query(members: Mapping[str, str | int | None]) -> str:
    """The query without its question mark; what is None is left out, colons stay readable."""
    return urlencode({name: value for name, value in members.items() if value is not None}, quote_via=quote, safe=":")


def within(value: int | None, *, name: str, most: int | None = None) -> int | None:
    """`value` if it is absent or 1 to `most`."""
    if value is not None and (value < 1 or (most is not None and value > most)):
        raise ValueError(f"{name} is {'1 or more' if most is None else f'1 to {most}'}")
    return value
