"""Who may steer the sandbox and see its pages: programs, and pages of this machine; not any page of the web.

A page of the web reaches this machine in two ways: it sends here itself (its Origin tells), or it has a name of its
own resolve to this machine (DNS rebinding; the Host tells). Toss's own paths take everybody who has a key.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import msgspec
from litestar.types import ASGIApp, Receive, Scope, Send

from paywon_sandbox.doors.replies import Answer, Reply, to_answer
from paywon_sandbox.settings import Settings

# What the browser scripts call from a shop's page, with a client key; and what tells that the sandbox is up.
_FOR_EVERYBODY = frozenset({"/sandbox/checkout", "/sandbox/billing-checkout", "/sandbox/health"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
# Pages that send no referrer, so a browser says "Origin: null" of their own forms. They are shown in shops' frames.
_WINDOWS = ("/checkout", "/sandbox/billing-window")


class Visitors:
    """Answers 403 before the application sees the request."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._hosts = {name.lower() for name in settings.allowed_hosts}
        for address in (settings.public_url, f"//{_bracketed(settings.host)}"):
            self._hosts.add((urlsplit(address).hostname or "").lower())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may come in."""
        path = str(scope.get("path", ""))
        if _is_guarded(path) and (refused := self._refusal(scope, path)) is not None:
            await refused(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, path: str) -> Answer | None:
        told = {name: value.decode("latin-1") for name, value in scope["headers"] if name in (b"host", b"origin")}
        host, origin = told.get(b"host", ""), told.get(b"origin", "")
        if host and not self._is_known_host(_hostname(f"//{host}")):
            return _refused(f"Host {host}", _hostname(f"//{host}"))
        if origin and scope.get("method") not in _READS and not self._is_known_origin(origin, host, path):
            return _refused(f"Origin {origin}", _hostname(origin))
        return None

    def _is_known_host(self, name: str) -> bool:
        """Nobody can make a bare IP address their own, so it is no foreign name."""
        return name in self._hosts or _is_this_machine(name) or _is_ip_address(name)

    def _is_known_origin(self, origin: str, host: str, path: str) -> bool:
        if origin == "null":
            return path.endswith(_WINDOWS)
        name = _hostname(origin)
        return origin.partition("://")[2] == host or name in self._hosts or _is_this_machine(name)


def _is_guarded(path: str) -> bool:
    if path.startswith("/sandbox"):
        return path not in _FOR_EVERYBODY
    return path in ("/", "/receipt/redirection") or path.endswith("/checkout")


def _hostname(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def _is_this_machine(name: str) -> bool:
    return name in ("localhost", "127.0.0.1", "::1") or name.endswith(".localhost")


def _is_ip_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _refused(what: str, name: str) -> Answer:
    korean = f"{what}은(는) 이 샌드박스의 이름이 아닙니다. --allow-host {name} 으로 허용할 수 있습니다."
    english = f"{what} is no name of this sandbox; start it with --allow-host {name} to allow it."
    body = msgspec.json.encode({"code": "FORBIDDEN_HOST", "message": f"{korean} / {english}"})
    return to_answer(Reply(status=403, body=body, code="FORBIDDEN_HOST"))
