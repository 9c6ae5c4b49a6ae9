"""A request's head says one thing: what could be read in two ways is refused before anybody reads it in one."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from paywon.base.errors import PaywonError

# A proxy may take the last where we take the first; and it may have looked at the other one's rights.
_ONCE: Final = {b"authorization": "Authorization", b"idempotency-key": "Idempotency-Key"}
_ALIKE: Final = {b"content-type": "Content-Type", b"transfer-encoding": "Transfer-Encoding"}


class OneHead(ASGIMiddleware):
    """Refuses a head that names one thing twice, or a body in a coding that nobody undoes.

    Granian itself refuses two lengths, and where a body has both a length and chunks it drops the length, reads the
    chunks and closes the connection (RFC 9112, 6.3): that cannot be seen from here.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        _look_at(list(scope["headers"]))
        await next_app(scope, receive, send)


def _look_at(headers: Sequence[tuple[bytes, bytes]]) -> None:
    once = Counter(name for name, _ in headers if name in _ONCE)
    alike = Counter(name for name, _ in set(headers) if name in _ALIKE)
    for name, times in (once + alike).items():
        if times > 1:
            raise _refused((_ONCE | _ALIKE)[name], "한 번만 보내세요.", "It may be there once.")
    if dict(headers).get(b"transfer-encoding", b"chunked").strip().lower() != b"chunked":
        raise _refused("Transfer-Encoding", "chunked만 받습니다.", "Only chunked is taken.")


def _refused(name: str, ko: str, en: str) -> PaywonError:
    return PaywonError("INVALID_REQUEST", field=name, hint_ko=f"{name}: {ko}", hint_en=f"{name}: {en}")
