"""The way of every API request, in the order of api.md Appendix B:

authentication → idempotency replay → Test-Code → parameters → existence → state → amount → store → answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request, Response

from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError, find
from paywon_sandbox.core.records import Fault, LoggedRequest, StoredReply
from paywon_sandbox.core.store import Account, Store
from paywon_sandbox.doors import faults
from paywon_sandbox.doors.auth import secret_key
from paywon_sandbox.doors.replies import Reply, read_body, refusal, success, to_response, wants_english
from paywon_sandbox.rules.expiry import sweep
from paywon_sandbox.rules.params import Params, parse_json_object
from paywon_sandbox.settings import IDEMPOTENCY_KEY_MAX_LENGTH, IDEMPOTENCY_LIFETIME, Settings
from paywon_sandbox.webhooks.dispatcher import Dispatcher

AnyRequest = Request[Any, Any, Any]
Work = Callable[[Account, Params], object]
UNSTORED_CODES = frozenset({"IDEMPOTENT_REQUEST_PROCESSING", "INVALID_IDEMPOTENCY_KEY"})


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One authenticated request on its way to the rules."""

    account: Account
    endpoint: str
    method: str
    path: str
    url: str
    body: bytes
    english: bool
    idempotency_key: str | None
    test_code: str | None


class Door:
    """Shared by all API handlers; holds what they work on."""

    def __init__(self, store: Store, settings: Settings, dispatcher: Dispatcher) -> None:
        self.store = store
        self.settings = settings
        self.dispatcher = dispatcher

    async def serve(self, request: AnyRequest, endpoint: str, work: Work) -> Response[bytes]:
        """Answer one Toss request; `work` is the rule, run without interruption."""
        english = wants_english(request.headers)
        try:
            account = self.store.account(secret_key(request.headers.get("authorization")))
            body = await read_body(request)
        except TossError as error:
            return to_response(refusal(endpoint, error.code, english=english))
        call = _read_call(request, endpoint, account, body)
        return await self._answer(call, work, faults.client_of(request))

    async def _answer(self, call: Call, work: Work, client: tuple[str, int]) -> Response[bytes]:
        line = self._log(call)
        fault = faults.take_fault(call.account, method=call.method, path=call.path, order_id=line.order_id)
        line.fault = fault.kind if fault else None
        if faults.refused_connection(fault, client):
            return Response(b"")
        reply = faults.gateway_reply(fault) or await self._idempotent(call, work, fault, line)
        if faults.lost_reply(fault, client, reply):
            return Response(b"")
        line.status, line.code = reply.status, reply.code
        return to_response(reply, call.idempotency_key)

    async def _idempotent(self, call: Call, work: Work, fault: Fault | None, line: LoggedRequest) -> Reply:
        """Replay, refuse as still running, or run once and remember. The body is not part of the scope."""
        key = call.idempotency_key
        if not key:
            await faults.pause(fault)
            return self._run(call, work, fault, None)
        if len(key) > IDEMPOTENCY_KEY_MAX_LENGTH:
            return refusal(call.endpoint, "INVALID_IDEMPOTENCY_KEY", english=call.english)
        scope = f"{call.method} {call.url} {key}"
        stored = call.account.reply(scope)
        if stored is not None:
            line.replayed = True
            return Reply(status=stored.status, body=stored.body)
        if scope in call.account.running:
            return refusal(call.endpoint, "IDEMPOTENT_REQUEST_PROCESSING", english=call.english)
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
        reply = faults.api_refusal(fault, call.endpoint, english=call.english) or self._work(call, work)
        if scope is not None and reply.code not in UNSTORED_CODES:
            expires_at = account.clock.now() + IDEMPOTENCY_LIFETIME
            account.keep_reply(scope, StoredReply(status=reply.status, body=reply.body, expires_at=expires_at))
        self.store.commit()
        self.dispatcher.wake()
        return reply

    def _work(self, call: Call, work: Work) -> Reply:
        try:
            self._play_test_code(call)
            values = parse_json_object(call.body) if call.method == "POST" else {}
            return success(work(call.account, Params(values)), english=call.english)
        except TossError as error:
            return refusal(call.endpoint, error.code, english=call.english)

    def _play_test_code(self, call: Call) -> None:
        """TossPayments-Test-Code: fail with that code; unknown → INVALID_TEST_CODE (api.md 1.2 [2src])."""
        if not call.test_code:
            return
        known = find(call.endpoint, call.test_code) is not None
        raise TossError(call.test_code if known else "INVALID_TEST_CODE")

    def _log(self, call: Call) -> LoggedRequest:
        body = _lenient_body(call.body)
        line = LoggedRequest(
            time=toss_instant(call.account.clock.now()),
            method=call.method,
            path=call.path,
            order_id=_order_id(call, body),
            body=body,
            idempotency_key=call.idempotency_key,
        )
        call.account.requests.append(line)
        return line


def _read_call(request: AnyRequest, endpoint: str, account: Account, body: bytes) -> Call:
    return Call(
        account=account,
        endpoint=endpoint,
        method=request.method,
        path=request.url.path,
        url=f"{request.url.path}?{request.url.query}",
        body=body,
        english=wants_english(request.headers),
        # The key is for POST only and ignored on GET (api.md 1.2 [2src]).
        idempotency_key=request.headers.get("idempotency-key") if request.method == "POST" else None,
        test_code=request.headers.get("tosspayments-test-code"),
    )


def _lenient_body(body: bytes) -> object:
    if not body:
        return None
    try:
        return parse_json_object(body)
    except TossError:
        return body[:2000].decode(errors="replace")


def _order_id(call: Call, body: object) -> str | None:
    """The orderId that a request is about: from the body, the path, or the payment that the path names."""
    if isinstance(body, dict) and isinstance(body.get("orderId"), str):
        return str(body["orderId"])
    parts = call.path.split("/")
    if parts[1:4] == ["v1", "payments", "orders"]:
        return parts[4]
    record = call.account.payments.get(parts[3]) if len(parts) > 3 else None
    return record.payment.order_id if record else None
