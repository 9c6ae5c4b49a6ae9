"""Addresses that a browser is sent to: which are taken, and what is added to them."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

# What quote() leaves alone: everything that may stand in an address, with what is quoted already.
_LEGAL = "%/?#[]@:!$&'()*+,;=~"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.ASCII | re.IGNORECASE)
# What a browser itself makes something of; no application is called so.
_OF_BROWSERS = frozenset(
    {"about", "blob", "data", "file", "filesystem", "ftp", "http", "https", "javascript", "mailto", "tel", "vbscript"}
    | {"view-source", "ws", "wss"}
)


def is_http_url(value: str) -> bool:
    """Whether a browser could be sent there."""
    if any(char.isspace() or ord(char) < 32 or ord(char) == 127 for char in value):
        return False
    try:
        parts = urlsplit(value)
        return (
            parts.scheme in ("http", "https") and bool(_ascii_place(parts.netloc, parts.hostname)) and parts.port != 0
        )
    except ValueError:
        return False


def is_app_url(value: str) -> bool:
    """Whether an address of an application's own scheme leads into it: ``myapp://pay/success``."""
    if any(char.isspace() or ord(char) < 32 or ord(char) == 127 for char in value):
        return False
    scheme, _, rest = value.partition("://")
    if not _SCHEME.fullmatch(scheme) or scheme.lower() in _OF_BROWSERS:
        return False
    try:
        return bool(_ascii_place(urlsplit(value).netloc, urlsplit(value).hostname)) and not rest.startswith("/")
    except ValueError:
        return False


def with_query(url: str, added: dict[str, str]) -> str:
    """Keep the merchant's own query and append with & (toss/api.md 3 [inferred]). Korean is quoted, as browsers do."""
    parts = urlsplit(url)
    more = urlencode(added, quote_via=quote, safe="")
    query = f"{_quoted(parts.query)}&{more}" if parts.query else more
    place = _ascii_place(parts.netloc, parts.hostname)
    return urlunsplit((parts.scheme, place, _quoted(parts.path), query, _quoted(parts.fragment)))


def _quoted(part: str) -> str:
    return quote(part, safe=_LEGAL)


def _ascii_place(place: str, host: str | None) -> str:
    """Host and port with a Korean host name as the DNS knows it. Raises ValueError for what can be no host."""
    if not host:
        return ""
    if place.isascii():
        return place
    user, at, _ = place.rpartition("@")
    port = place.rpartition(":")[2]
    ascii_host = host.encode("idna").decode()
    return _quoted(user) + at + (f"{ascii_host}:{port}" if port.isdecimal() else ascii_host)
