"""Headers that every answer carries, so that a browser makes no more of it than it is."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

BeforeSend: TypeAlias = Callable[[Message, Scope], Awaitable[None]]

# Answers are data about people and money: no page, nothing to frame, nothing to keep. A page of ours says its own.
_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_HSTS: Final = {"Strict-Transport-Security": "max-age=31536000"}


async def place_below_mount(message: Message, scope: Scope) -> None:
    """Tell a place to poll as the caller reaches it, where a host has mounted paywon below a path of its own."""
    root = scope.get("root_path", "")
    if root and message["type"] == "http.response.start":
        headers = MutableScopeHeaders(message)
        if (place := headers.get("location", "")).startswith("/"):
            headers["location"] = root.rstrip("/") + place


def careful_headers(*, https: bool) -> BeforeSend:
    """Make the hook that adds what an answer lacks; ``https``: browsers shall never ask without TLS again."""
    wanted = _ALWAYS | (_HSTS if https else {})

    async def add(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        message.setdefault("headers", [])
        headers = MutableScopeHeaders(message)
        for name, value in wanted.items():
            headers.setdefault(name, value)

    return add
