"""Addresses that a customer's browser, or the app on their phone, is sent to. Pure."""

import re
from typing import Final
from urllib.parse import urlencode, urlsplit

# An app's own scheme, as it is registered with the phone: more than these do something else than open an app.
_APP_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]+")
_NO_APP: Final = frozenset(
    {"http", "about", "blob", "data", "file", "ftp", "intent", "javascript", "mailto", "sms", "tel", "vbscript", "ws"}
)


def check_link(text: str, *, with_http: bool) -> str:
    """Return an address to which customers may be sent: ``https://…``, or an app's own ``myapp://…``.

    Raises:
        ValueError: it is none, or has a fragment; says in Korean and English what would be right.
    """
    parts = urlsplit(text)
    web = parts.scheme == "https" or (with_http and parts.scheme == "http")
    app = bool(_APP_SCHEME.fullmatch(parts.scheme)) and parts.scheme not in _NO_APP and not web
    if not (web or app) or not parts.netloc or parts.fragment or not text.isprintable() or " " in text:
        raise ValueError(
            "https://…이나 앱의 주소(myapp://…)여야 하고 #은 없어야 합니다 / "
            "has to be https://… or an app's own myapp://…, without #"
        )
    return text


def with_query(link: str, **told: str) -> str:
    """Return an address with these added to its query."""
    return f"{link}{'&' if '?' in link else '?'}{urlencode(told)}"
