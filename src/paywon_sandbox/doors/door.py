"""The door of the API: every Toss request goes through here, in the order of toss/api.md Appendix B:

authentication → limit → idempotency replay → Test-Code → parameters → existence → state → amount → store → answer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request

from paywon_sandbox import inferred
from paywon_sandbox.core import ids
from paywon_sandbox.core.errors import TossError, find
from paywon_sandbox.core.records import Fault, LoggedRequest, StoredReply
from paywon_sandbox.core.store import Account, Store
from paywon_sandbox.doors import faults, log
from paywon_sandbox.doors.auth import secret_key
from paywon_sandbox.doors.dialects import PLAIN, Dialect
from paywon_sandbox.doors.replies import NOTHING, Answer, Reply, drain, header, read_body, to_answer, wants_english
from paywon_sandbox.rules.expiry import sweep
from paywon_sandbox.rules.params import Params
from paywon_sandbox.settings import IDEMPOTENCY_KEY_MAX_LENGTH, IDEMPOTENCY_LIFETIME, Settings
from paywon_sandbox.webhooks.dispatcher import Dispatcher

AnyRequest = Request[Any, Any, Any]
Work = Callable[[Account, Params], object]


class Look(msgspec.Struct, frozen=True):
    """The work of a read that may lag behind: `read` gets how far in ms, None for not at all."""

    read: Callable[[Account, Params, int | None], object]

    def __call__(self, account: Account, params: Params) -> object:
        """Read the present."""
        return self.read(account, params, None)

    def lagging(self, lag_ms: int) -> Work:
        """The same read, behind by that much."""
        return lambda account, params: self.read(account, params, lag_ms)


# Whose tables have FORBIDDEN_CONSECUTIVE_REQUEST (toss/api.md 1.4, 5.3).
ABOUT_A_PAYMENT = frozenset(
    {"GET /v1/payments/{paymentKey}", "GET /v1/payments/orders/{orderId}", "POST /v1/payments/{paymentKey}/cancel"}
)
UNSTORED_CODES = frozenset({"IDEMPOTENT_REQUEST_PROCESSING", "INVALID_IDEMPOTENCY_KEY"})


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One authenticated request on its way to the rules."""

    account: Account
    dialect: Dialect
    endpoint: str
    method: str
    path: str
    url: str
    body: bytes
    english: bool
    idempotency_key: str | None
    test_code: str | None

    def refuse(self, code: str, status: int | None = None) -> Reply:
        """The answer with that code, in the shape that this call wants."""
        return self.dialect.refusal(self.endpoint, code, english=self.english, status=status)


class Door:
    """Shared by all API handlers; holds what they work on."""

    def __init__(self, store: Store, settings: Settings, dispatcher: Dispatcher) -> None:
        self.store = store
        self.settings = settings
        self.dispatcher = dispatcher

    async def serve(self, request: AnyRequest, endpoint: str, work: Work, dialect: Dialect = PLAIN) -> Answer:
        """Answer one Toss request; `work` is the rule, run without interruption."""
        try:
            account = self.store.account(secret_key(header(request, b"authorization")))
            body = await read_body(request) if request.method == "POST" else b""
        except TossError as error:
            await drain(request)
            english = wants_english(request)
            return to_answer(dialect.refusal(endpoint, error.code, english=english))
        call = _read_call(request, endpoint, account, body, dialect.of(account))
        return await self._answer(call, work, faults.client_of(request))

    async def _answer(self, call: Call, work: Work, client: tuple[str, int]) -> Answer:
        line = log.opened(call.account, call.method, call.path, call.body, call.idempotency_key)
        about = faults.About(method=call.method, path=call.path, order_id=line.order_id)
        fault = faults.take_fault(call.account, about)
        lag = faults.take_lag(call.account, about) if isinstance(work, Look) else None
        line.fault = faults.named(fault, lag)
        if lag is not None and isinstance(work, Look):
            work = work.lagging(lag.delay_ms)
        if faults.refused_connection(fault, client):
            return NOTHING
        reply = faults.gateway_reply(fault) or await self._within_limit(call, work, fault, line)
        if call.dialect.plaintext is not None:
            line.body = log.cut(call.dialect.plaintext)
        mangles = faults.take_mangles(call.account, about, reply)
        reply = faults.mangled(reply, mangles)
        line.fault = faults.named(fault, lag, *mangles)
        if faults.lost_reply(fault, client, reply):
            return NOTHING
        log.close(line, reply)
        return to_answer(reply, call.idempotency_key)

    async def _within_limit(self, call: Call, work: Work, fault: Fault | None, line: LoggedRequest) -> Reply:
        """Limits, where they are switched on (toss/api.md 1.4). Not stored for the key."""
        account = call.account
        per_minute, per_payment = account.settings.requests_per_minute, account.settings.requests_per_payment
        if per_minute and account.is_over(per_minute, call.endpoint):
            return call.refuse(inferred.TOO_MANY_REQUESTS, 429)
        if per_payment and call.endpoint in ABOUT_A_PAYMENT and account.is_over(per_payment, call.path):
            return call.refuse("FORBIDDEN_CONSECUTIVE_REQUEST")
        return await self._idempotent(call, work, fault, line)

    async def _idempotent(self, call: Call, work: Work, fault: Fault | None, line: LoggedRequest) -> Reply:
        """Replay, refuse as still running, or run once and remember. The body is not part of the scope."""
        key = call.idempotency_key
        if not key:
            await faults.pause(fault)
            return self._run(call, work, fault, None)
        if len(key) > IDEMPOTENCY_KEY_MAX_LENGTH:
            return call.refuse("INVALID_IDEMPOTENCY_KEY")
        scope = f"{call.method} {call.url} {key}"
        stored = call.account.reply(scope)
        if stored is not None:
            line.replayed = True
            return Reply(
                status=stored.status,
                body=stored.body,
                content_type=stored.content_type,
                first_trace_id=stored.trace_id,
            )
        if scope in call.account.running:
            return call.refuse("IDEMPOTENT_REQUEST_PROCESSING")
        running = call.account.running
        running.add(scope)
        try:
            await faults.pause(fault)
            return self._run(call, work, fault, scope)
        finally:
            running.discard(scope)

    def _run(self, call: Call, work: Work, fault: Fault | None, scope: str | None) -> Reply:
        """Work and store in one step, so that no kill can separate the payment from its reply."""
        account = call.account
        sweep(account)
        reply = faults.api_refusal(fault, call.refuse) or self._work(call, work)
        if scope is not None and reply.code not in UNSTORED_CODES:
            reply = msgspec.structs.replace(reply, trace_id=reply.trace_id or ids.trace_id())
            account.keep_reply(scope, _stored(reply, account.clock.now() + IDEMPOTENCY_LIFETIME))
        self.store.commit()
        self.dispatcher.wake()
        return reply

    def _work(self, call: Call, work: Work) -> Reply:
        try:
            self._play_test_code(call)
            params = call.dialect.read(call.method, call.body)
            return call.dialect.success(work(call.account, params), english=call.english)
        except TossError as error:
            return call.refuse(error.code)

    def _play_test_code(self, call: Call) -> None:
        """TossPayments-Test-Code: fail with that code; unknown → INVALID_TEST_CODE (toss/api.md 1.2 [2src])."""
        if not call.test_code:
            return
        known = find(call.endpoint, call.test_code) is not None
        raise TossError(call.test_code if known else "INVALID_TEST_CODE")


def _stored(reply: Reply, expires_at: datetime) -> StoredReply:
    return StoredReply(
        status=reply.status,
        body=reply.body,
        expires_at=expires_at,
        content_type=reply.content_type,
        trace_id=reply.trace_id or "",
    )


def _read_call(request: AnyRequest, endpoint: str, account: Account, body: bytes, dialect: Dialect) -> Call:
    path = request.scope["path"]
    return Call(
        account=account,
        dialect=dialect,
        endpoint=endpoint,
        method=request.method,
        path=path,
        url=f"{path}?{request.scope['query_string'].decode('latin-1')}",
        body=body,
        english=wants_english(request),
        # The key is for POST only and ignored on GET (toss/api.md 1.2 [2src]).
        idempotency_key=header(request, b"idempotency-key") if request.method == "POST" else None,
        test_code=header(request, b"tosspayments-test-code"),
    )
