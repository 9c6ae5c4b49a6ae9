"""The floor under the client's calls: sends one request, and classifies whatever comes of it. Never retries."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
from yarl import URL

from paywon.toss.address import basic, checked_base_url, checked_idempotency_key
from paywon.toss.body import without
from paywon.toss.errors import Operation
from paywon.toss.judge import judge
from paywon.toss.outcome import Answer, Call, NotSent, NotSentReason, Unknown, UnknownReason
from paywon.toss.wire import Request

T = TypeVar("T")

PATIENT_READ_TIMEOUT_S = 60.0
"""What billing charges, transactions and settlements need at least (toss/api.md 1.4 [1src])."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to make; `operation` says which codes refuse it.

    `secret` is what the path holds that nobody may see; `shown_path` then stands in the `Call`.
    """

    operation: Operation
    method: str
    path: str = field(repr=False)
    body: Request | None = field(default=None, repr=False)
    idempotency_key: str | None = None
    query: str = ""
    read_timeout_s: float | None = None
    secret: str | None = field(default=None, repr=False)
    shown_path: str | None = None


@dataclass(slots=True)
class _Reply:
    """What has arrived so far; filled while the exchange runs, so that a failure half-way keeps what is
    known.
    """

    headers_sent: bool = False
    status: int | None = None
    trace_id: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""


class _TooLargeError(Exception):
    pass


class _NoFreeConnectionError(Exception):
    """The request never got a connection: nothing of it was sent."""


class Transport:
    """One pooled aiohttp session, made in the event loop of the first call.

    Reads have connections of their own (a bulkhead): many status reads leave every connection for money to money.
    """

    def __init__(
        self,
        *,
        base_url: str,
        secret_key: str,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 60.0,  # toss/api.md 1.4: at least 60 s for some calls, 30 s or more for the others
        max_connections: int = 50,
        max_read_connections: int = 50,
        queue_timeout_s: float | None = None,
        max_response_bytes: int = 4 * 1024 * 1024,
        before_call: Callable[[], None] | None = None,
    ) -> None:
        self._base_url = checked_base_url(base_url, secret_key)
        self._authorization = basic(secret_key)
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._free_writes = asyncio.Semaphore(max_connections)
        self._free_reads = asyncio.Semaphore(max_read_connections)
        self._queue_timeout_s = connect_timeout_s if queue_timeout_s is None else queue_timeout_s
        self._max_response_bytes = max_response_bytes
        self._before_call = before_call
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections; calls under way end as unknown."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _post(
        self, operation: Operation, path: str, body: Request, *, idempotency_key: str, shape: type[T]
    ) -> Answer[T]:
        key = checked_idempotency_key(idempotency_key)
        return await self._ask(Ask(operation, "POST", path, body, key), shape)

    async def _ask(self, ask: Ask, shape: type[T]) -> Answer[T]:
        self._opened()
        body = None if ask.body is None else ask.body.encode()
        call = Call(
            method=ask.method,
            path=ask.shown_path or ask.path,
            query=ask.query,
            idempotency_key=ask.idempotency_key,
            request_body=None if ask.body is None else ask.body.as_dict(),
        )
        reply = _Reply()
        if self._before_call is not None:
            self._before_call()
        began_s = time.perf_counter()
        try:
            async with self._connection(ask) as session:
                began_s = time.perf_counter()
                await self._exchange(session, ask, body, reply)
        except _NoFreeConnectionError:
            detail = "no connection was free in time"
            call = _closed_call(call, reply, began_s)
            return NotSent(call=call, reason=NotSentReason.NO_FREE_CONNECTION, detail=detail)
        except (aiohttp.ClientError, TimeoutError, OSError, _TooLargeError) as error:
            return _failed(_closed_call(call, reply, began_s), reply, error)
        call = _closed_call(call, reply, began_s)
        raw = _kept(ask, reply)
        return judge(ask.operation, shape, call=call, raw=raw, headers=reply.headers, now=datetime.now(UTC))

    @asynccontextmanager
    async def _connection(self, ask: Ask) -> AsyncIterator[aiohttp.ClientSession]:
        """Wait in line for a free connection, and hold it.

        Raises `_NoFreeConnectionError` where none came free in time, or the client was closed meanwhile.
        """
        free = self._free_reads if ask.method == "GET" else self._free_writes
        try:
            async with asyncio.timeout(self._queue_timeout_s):
                await free.acquire()
        except TimeoutError:
            raise _NoFreeConnectionError from None
        try:
            if self._closed:
                raise _NoFreeConnectionError
            yield self._opened()
        finally:
            free.release()

    async def _exchange(self, session: aiohttp.ClientSession, ask: Ask, body: bytes | None, reply: _Reply) -> None:
        headers = {"Authorization": self._authorization, "Accept": "application/json"}
        if ask.idempotency_key is not None:
            headers["Idempotency-Key"] = ask.idempotency_key
        if body is not None:
            headers["Content-Type"] = "application/json"
        async with session.request(
            ask.method,
            URL(f"{self._base_url}{ask.path}{'?' if ask.query else ''}{ask.query}", encoded=True),
            data=body,
            timeout=self._timeout(ask),
            headers=headers,
            # A redirect would carry the key and the order elsewhere, or turn the POST into a GET.
            allow_redirects=False,
            trace_request_ctx=reply,
        ) as response:
            reply.status = response.status
            reply.headers = dict(response.headers)
            reply.trace_id = ",".join(response.headers.getall("x-tosspayments-trace-id", ())) or None
            reply.raw = await _bounded(response, self._max_response_bytes)

    def _timeout(self, ask: Ask) -> aiohttp.ClientTimeout:
        read_timeout_s = self._read_timeout_s if ask.read_timeout_s is None else ask.read_timeout_s
        return aiohttp.ClientTimeout(
            # The total catches a peer that drips a byte now and then. Waiting for a free connection is over by now.
            total=self._connect_timeout_s + 2 * read_timeout_s,
            connect=self._connect_timeout_s,
            sock_connect=self._connect_timeout_s,
            sock_read=read_timeout_s,
        )

    def _patient(self, read_timeout_s: float | None) -> float:
        """The time-out that a caller chose, else one long enough for Toss's slow calls (toss/api.md 1.4)."""
        return max(self._read_timeout_s, PATIENT_READ_TIMEOUT_S) if read_timeout_s is None else read_timeout_s

    def _opened(self) -> aiohttp.ClientSession:
        if self._closed:
            raise RuntimeError("this TossClient is closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Idle connections are dropped before Toss's side is likely to drop them: a POST on a
                # connection that the peer has just closed ends as unknown. aiohttp repeats GETs and DELETEs once
                # when their connection dies, kept or new; POSTs never. How many there are is counted above.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=10.0),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "paywon"},
                trace_configs=[_watch_headers()],
            )
        return self._session


def _kept(ask: Ask, reply: _Reply) -> bytes:
    """The body to judge. An error may quote the address that was asked, and with it the secret in it."""
    is_error = not 200 <= (reply.status or 0) < 300
    return without(reply.raw, ask.secret) if ask.secret and is_error else reply.raw


def _watch_headers() -> aiohttp.TraceConfig:
    """Marks a reply's `headers_sent`, so that *not sent* rests on what happened and not on an exception's
    type alone.
    """

    async def sent(_session: Any, context: Any, _params: Any) -> None:
        context.trace_request_ctx.headers_sent = True

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(sent)
    return trace


async def _bounded(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    chunks = bytearray()
    async for chunk in response.content.iter_chunked(65536):
        chunks += chunk
        if len(chunks) > limit_bytes:
            response.close()
            raise _TooLargeError
    return bytes(chunks)


def _closed_call(call: Call, reply: _Reply, began_s: float) -> Call:
    elapsed_ms = round((time.perf_counter() - began_s) * 1000)
    return replace(call, http_status=reply.status, trace_id=reply.trace_id, elapsed_ms=elapsed_ms)


def _failed(call: Call, reply: _Reply, error: Exception) -> NotSent | Unknown:
    not_sent = None if reply.headers_sent else _not_sent_reason(error)
    if not_sent is not None:
        return NotSent(call=call, reason=not_sent, detail=str(error))
    # Only the type: some of aiohttp's texts can quote headers.
    return Unknown(call=call, reason=_unknown_reason(error, reply.status), detail=type(error).__name__)


def _not_sent_reason(error: Exception) -> NotSentReason | None:
    """Why no connection came about; None where one did, or where that is not certain."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return NotSentReason.CONNECT_TIMEOUT
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NotSentReason.DNS
    if isinstance(error, aiohttp.ClientSSLError):
        return NotSentReason.TLS
    if isinstance(error, aiohttp.ClientConnectorError):
        is_refused = isinstance(error.os_error, ConnectionRefusedError)
        return NotSentReason.REFUSED if is_refused else NotSentReason.CONNECT_FAILED
    return None


def _unknown_reason(error: Exception, status: int | None) -> UnknownReason:
    if isinstance(error, TimeoutError):
        return UnknownReason.READ_TIMEOUT
    if isinstance(error, _TooLargeError):
        return UnknownReason.TOO_LARGE
    return UnknownReason.CONNECTION_LOST if status is None else UnknownReason.HALF_BODY
