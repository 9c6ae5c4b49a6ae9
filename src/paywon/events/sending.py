"""Posts one event to one endpoint. Knows addresses and HTTP, and nothing of events."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType

from paywon.base.redaction import redact_text
from paywon.db.pool import forbid_open_transaction
from paywon.events.guard import as_address, why_forbidden
from paywon.events.model import MAX_KEPT_ANSWER, TIMEOUT_S, Outcome, Trouble

_CONNECT_TIMEOUT_S: Final = 5.0
_LOOK_UP_TIMEOUT_S: Final = 2.0
# What is read of an answer; the rest of the connection's time is its sender's to waste, not ours.
_MAX_READ: Final = 4 * 1024


class ForbiddenAddressError(OSError):
    """Something would have been sent where nothing is sent (guard)."""


class GuardedResolver(AbstractResolver):
    """Resolves names, and refuses one that leads to a forbidden address, even if it leads elsewhere too."""

    def __init__(self, resolver: AbstractResolver, *, dev: bool) -> None:
        self._resolver, self._dev = resolver, dev

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for result in found:
            _check(result["host"], dev=self._dev)
        return found

    async def close(self) -> None:
        await self._resolver.close()


def _check(host: str, *, dev: bool) -> None:
    address = as_address(host)
    why = "unreadable" if address is None else why_forbidden(address, dev=dev)
    if why is not None:
        raise ForbiddenAddressError(f"{host}: {why}")


class Sender:
    """Sends over connections that only lead to allowed addresses.

    Every connection's own address is looked at before its socket is made: what a name meant a moment ago, or what a
    literal address is, does not matter. Names are resolved anew for each connection, and no redirect is followed.
    """

    def __init__(self, session: aiohttp.ClientSession, resolver: GuardedResolver) -> None:
        self._session, self._resolver = session, resolver

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Post ``body``; whatever comes of it is an outcome, never an exception."""
        forbid_open_transaction()
        began = time.perf_counter()
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                answer = await _first_bytes(response)
                error = Trouble.REDIRECT if 300 <= response.status < 400 else None
                return Outcome(
                    duration_ms=_since(began), http_status=response.status, error=error, answer=_shown(answer)
                )
        except (aiohttp.ClientError, OSError, ValueError) as trouble:
            return Outcome(duration_ms=_since(began), error=_name(trouble))

    async def why_unreachable(self, host: str) -> str | None:
        """Say why a name leads where nothing is sent; None where it does not, or nobody knows it right now."""
        try:
            async with asyncio.timeout(_LOOK_UP_TIMEOUT_S):
                await self._resolver.resolve(host, 0)
        except ForbiddenAddressError as forbidden:
            return str(forbidden)
        except (OSError, ValueError):
            return None
        return None


async def _first_bytes(response: aiohttp.ClientResponse) -> bytes:
    raw = b""
    while len(raw) < _MAX_READ and (more := await response.content.read(_MAX_READ - len(raw))):
        raw += more
    return raw


def _shown(answer: bytes) -> str | None:
    """Keep the beginning of an answer as text, redacted whole before it is cut (I13)."""
    return redact_text(answer.decode("utf-8", "replace"))[:MAX_KEPT_ANSWER] or None


def _since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)


def _name(trouble: BaseException) -> Trouble:
    """Say in a word why there is no answer."""
    reasons: tuple[tuple[type[BaseException], Trouble], ...] = (
        (ForbiddenAddressError, Trouble.FORBIDDEN_ADDRESS),
        (TimeoutError, Trouble.TIMEOUT),
        (ssl.SSLError, Trouble.TLS),
        (ssl.CertificateError, Trouble.TLS),
        (socket.gaierror, Trouble.DNS),
        (aiohttp.ClientConnectorDNSError, Trouble.DNS),
        (aiohttp.ClientConnectorError, Trouble.NOT_CONNECTED),
        (ValueError, Trouble.NOT_CONNECTED),
    )
    chain = [trouble, getattr(trouble, "os_error", None), trouble.__cause__]
    for kind, name in reasons:
        if any(isinstance(link, kind) for link in chain):
            return name
    return Trouble.BROKEN_OFF


@asynccontextmanager
async def open_sender(
    *, dev: bool, resolver: AbstractResolver | None = None, timeout_s: float = TIMEOUT_S
) -> AsyncIterator[Sender]:
    """Open what sends; ``dev`` also lets it reach this machine and private networks."""
    guarded = GuardedResolver(resolver or aiohttp.ThreadedResolver(), dev=dev)

    def guarded_socket(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        _check(str(address[0]), dev=dev)
        return socket.socket(family, kind, protocol)

    connector = aiohttp.TCPConnector(
        resolver=guarded, use_dns_cache=False, socket_factory=guarded_socket, limit=0, limit_per_host=0
    )
    options: dict[str, Any] = {
        "timeout": aiohttp.ClientTimeout(total=timeout_s, connect=_CONNECT_TIMEOUT_S),
        "cookie_jar": aiohttp.DummyCookieJar(),
        # An answer is read as it comes: what would have to be blown up first is none that is asked for.
        "auto_decompress": False,
        "trust_env": False,
    }
    async with aiohttp.ClientSession(connector=connector, **options) as session:
        yield Sender(session, guarded)
