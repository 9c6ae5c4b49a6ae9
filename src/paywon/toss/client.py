"""The client: one method per Toss call, each answering yes, no, not sent or unknown, and never retrying by
itself.
"""

import base64
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import aiohttp
from yarl import URL

from paywon.toss.errors import Operation
from paywon.toss.judge import judge
from paywon.toss.outcome import Answer, Call, NotSent, NotSentReason, Unknown, UnknownReason
from paywon.toss.wire import CancelPayment, ConfirmPayment, CreatePayment, Payment, Request

T = TypeVar("T")

MAX_IDEMPOTENCY_KEY_CHARS = 300
"""More is 400 INVALID_IDEMPOTENCY_KEY (api.md 1.2 [2src])."""

MAX_PATH_SEGMENT_CHARS = 200
"""paymentKey, the longest identifier that travels in a path (api.md 1.5)."""

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class _Ask:
    """One request to make; `operation` says which codes refuse it."""

    operation: Operation
    method: str
    path: str
    body: Request | None = field(default=None, repr=False)
    idempotency_key: str | None = None


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


class TossClient:
    """Calls to Toss over one pooled aiohttp session, made in the event loop of the first call.

    Refusals, faults and time-outs are answers, not exceptions. ValueError is raised before anything is sent
    for an argument that could not be sent safely; RuntimeError after `close()`.
    """

    def __init__(
        self,
        *,
        base_url: str,
        secret_key: str,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 60.0,  # api.md 1.4: at least 60 s for some calls, 30 s or more for the others
        max_connections: int = 50,
        max_response_bytes: int = 4 * 1024 * 1024,
        before_call: Callable[[], None] | None = None,
    ) -> None:
        self._base_url = _checked_base_url(base_url, secret_key)
        self._authorization = _basic(secret_key)
        self._timeout = aiohttp.ClientTimeout(
            # The total catches a peer that drips a byte now and then. Connecting includes waiting for a free
            # connection.
            total=connect_timeout_s + 2 * read_timeout_s,
            connect=connect_timeout_s,
            sock_connect=connect_timeout_s,
            sock_read=read_timeout_s,
        )
        self._max_connections = max_connections
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

    async def create_payment(self, body: CreatePayment, *, idempotency_key: str) -> Answer[Payment]:
        """`POST /v1/payments` (api.md 5.1): a READY payment whose `checkout.url` is for the buyer."""
        return await self._post(Operation.CREATE, "/v1/payments", body, idempotency_key)

    async def confirm(self, body: ConfirmPayment, *, idempotency_key: str) -> Answer[Payment]:
        """`POST /v1/payments/confirm` (api.md 5.2): takes the money, or opens the virtual account."""
        return await self._post(Operation.CONFIRM, "/v1/payments/confirm", body, idempotency_key)

    async def cancel(self, payment_key: str, body: CancelPayment, *, idempotency_key: str) -> Answer[Payment]:
        """`POST /v1/payments/{paymentKey}/cancel` (api.md 5.4): all of the balance or a part of it."""
        path = f"/v1/payments/{_segment(payment_key)}/cancel"
        return await self._post(Operation.CANCEL, path, body, idempotency_key)

    async def read_payment(self, payment_key: str) -> Answer[Payment]:
        """`GET /v1/payments/{paymentKey}` (api.md 5.3)."""
        return await self._ask(_Ask(Operation.READ, "GET", f"/v1/payments/{_segment(payment_key)}"), Payment)

    async def read_payment_by_order(self, order_no: str) -> Answer[Payment]:
        """`GET /v1/payments/orders/{orderId}` (api.md 5.3; which of several attempts is undocumented)."""
        return await self._ask(_Ask(Operation.READ, "GET", f"/v1/payments/orders/{_segment(order_no)}"), Payment)

    async def _post(self, operation: Operation, path: str, body: Request, idempotency_key: str) -> Answer[Payment]:
        key = _checked_idempotency_key(idempotency_key)
        return await self._ask(_Ask(operation, "POST", path, body, key), Payment)

    async def _ask(self, ask: _Ask, shape: type[T]) -> Answer[T]:
        session = self._opened()
        body = None if ask.body is None else ask.body.encode()
        call = Call(
            method=ask.method,
            path=ask.path,
            idempotency_key=ask.idempotency_key,
            request_body=None if ask.body is None else ask.body.as_dict(),
        )
        reply = _Reply()
        if self._before_call is not None:
            self._before_call()
        began_s = time.perf_counter()
        try:
            await self._exchange(session, ask, body, reply)
        except (aiohttp.ClientError, TimeoutError, OSError, _TooLargeError) as error:
            return _failed(_closed_call(call, reply, began_s), reply, error)
        call = _closed_call(call, reply, began_s)
        return judge(ask.operation, shape, call=call, raw=reply.raw, headers=reply.headers, now=datetime.now(UTC))

    async def _exchange(self, session: aiohttp.ClientSession, ask: _Ask, body: bytes | None, reply: _Reply) -> None:
        headers = {"Authorization": self._authorization, "Accept": "application/json"}
        if ask.idempotency_key is not None:
            headers["Idempotency-Key"] = ask.idempotency_key
        if body is not None:
            headers["Content-Type"] = "application/json"
        async with session.request(
            ask.method,
            URL(f"{self._base_url}{ask.path}", encoded=True),
            data=body,
            headers=headers,
            # A redirect would carry the key and the order elsewhere, or turn the POST into a GET.
            allow_redirects=False,
            trace_request_ctx=reply,
        ) as response:
            reply.status = response.status
            reply.headers = dict(response.headers)
            reply.trace_id = ",".join(response.headers.getall("x-tosspayments-trace-id", ())) or None
            reply.raw = await _bounded(response, self._max_response_bytes)

    def _opened(self) -> aiohttp.ClientSession:
        if self._closed:
            raise RuntimeError("this TossClient is closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Idle connections are dropped before Toss's side is likely to drop them: a POST on a
                # connection that the peer has just closed ends as unknown. aiohttp repeats GETs on such a
                # connection, never POSTs.
                connector=aiohttp.TCPConnector(limit=self._max_connections, keepalive_timeout=10.0),
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "paywon"},
                trace_configs=[_watch_headers()],
            )
        return self._session


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


def _basic(secret_key: str) -> str:
    """The Authorization value: the key as user, an empty password, the colon encoded too (api.md 1.1
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


def _checked_base_url(base_url: str, secret_key: str) -> str:
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


def _checked_idempotency_key(key: str) -> str:
    if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY_CHARS:
        raise ValueError(f"an idempotency key has 1 to {MAX_IDEMPOTENCY_KEY_CHARS} characters")
    if not all("!" <= char <= "~" for char in key):
        raise ValueError("an idempotency key is visible ASCII")
    return key


def _segment(text: str) -> str:
    """`text` as one path segment, nothing in it able to leave that segment; raises ValueError."""
    if not 1 <= len(text) <= MAX_PATH_SEGMENT_CHARS or text in (".", "..") or not text.isprintable():
        raise ValueError(
            f"a key in a path has 1 to {MAX_PATH_SEGMENT_CHARS} printable characters and is no dot segment"
        )
    return quote(text, safe="")
