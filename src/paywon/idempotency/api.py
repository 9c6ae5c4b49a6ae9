"""``Idempotency-Key`` at the doors: read from the request, and the reply kept on its way out."""

import hashlib
import re
from typing import Any, Final

from litestar import Request, Response
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from paywon.base.errors import PaywonError
from paywon.idempotency import commands
from paywon.idempotency.model import Claim, Reply, ReplyAgain
from paywon.web.auth import Principal
from paywon.web.problems import ERROR_CODE, answer_trouble, translate

HEADER: Final = "Idempotency-Key"
_FORM: Final = re.compile(r"[\x21-\x7e]{1,255}")
_CLAIM: Final = "paywon_claim"
# Toss was not reached, or refused our own credentials: the attempt is closed, and what it had reserved is free again.
_NOTHING_DONE: Final = frozenset({"PROVIDER_UNAVAILABLE", "PROVIDER_MISCONFIGURED"})
_UNKNOWN: Final = "OUTCOME_UNKNOWN"
_KEPT_HEADERS: Final = ("content-type", "location", "retry-after")


async def provide_claim(request: Request[Principal, None, Any]) -> Claim | None:
    """Read a write's key; None where it sends none.

    Raises:
        PaywonError: INVALID_REQUEST, the key is empty, too long, or has other than visible ASCII characters.
    """
    key = request.headers.get(HEADER)
    if key is None or request.method == "GET":
        return None
    if not _FORM.fullmatch(key):
        hint_ko, hint_en = (
            "눈에 보이는 ASCII 문자 1~255자여야 합니다.",
            "It has to be 1 to 255 visible ASCII characters.",
        )
        raise PaywonError("INVALID_REQUEST", field=HEADER, hint_ko=hint_ko, hint_en=hint_en)
    claim = Claim(
        holder=request.user.holder,
        key=key,
        # The door, not the address: a billing key may stand in a path, and what is in the path counts as the body does.
        operation=f"{request.method} {request.scope['path_template']}",
        digest=hashlib.sha256(request.url.path.encode() + b"\n" + await request.body()).digest(),
        ring=request.app.state.house.ring,
    )
    request.scope["state"][_CLAIM] = claim
    return claim


def reply_again(_request: Request[Any, Any, Any], error: ReplyAgain) -> Response[bytes]:
    """Answer what was answered before, byte by byte, and say that it is a repeat."""
    reply = error.reply
    headers = {name: value for name, value in reply.headers.items() if name != "content-type"}
    return Response(
        reply.body,
        status_code=reply.status,
        media_type=reply.headers.get("content-type", "application/json"),
        headers={**headers, "Idempotent-Replayed": "true"},
    )


class KeepReplies(ASGIMiddleware):
    """Keeps the reply to a request that took its key, before the first byte of it leaves.

    A reply of 5xx is not kept: a repeat then goes on with what the first request began, or, where it is certain that
    nothing was done, begins anew.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        start: dict[str, Any] = {}
        body = bytearray()

        async def hold_back(message: Message) -> None:
            if _taken(scope) is None:
                await send(message)
            elif message["type"] == "http.response.start":
                start.update(message)
            else:
                part = message.get("body", b"")
                assert isinstance(part, bytes), "the ASGI specification says so"
                body.extend(part)

        await next_app(scope, receive, hold_back)
        claim = _taken(scope)
        if claim is None or not start:
            return
        try:
            await self._keep(scope, claim, start, bytes(body))
        except Exception as error:
            # Nothing has been sent, and the key has no reply yet. Litestar believes that the reply is on its way.
            request: Request[Any, Any, Any] = Request(scope, receive, send)
            trouble = answer_trouble(request, _as_unknown(start, error)).to_asgi_response(app=None, request=request)
            await trouble(scope, receive, send)
            return
        await send(start)  # type: ignore[arg-type]
        await send({"type": "http.response.body", "body": bytes(body), "more_body": False})

    async def _keep(self, scope: Scope, claim: Claim, start: dict[str, Any], body: bytes) -> None:
        db = scope["litestar_app"].state.house.db
        if scope["state"].get(ERROR_CODE) == _UNKNOWN:
            return  # a repeat goes on with what was begun, and learns what came of it
        if start["status"] < 500:
            await commands.keep_reply(db, claim, _reply(start, body))
        elif scope["state"].get(ERROR_CODE) in _NOTHING_DONE:
            await commands.give_back(db, claim)


def _as_unknown(start: dict[str, Any], error: Exception) -> PaywonError:
    """Tell that a reply could not be kept, and so was not sent: what it would have told is done."""
    if start["status"] >= 500:
        return translate(error)
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    unknown = PaywonError(_UNKNOWN, retry_after_s=2, location=headers.get("location"))
    unknown.__cause__ = error
    return unknown


def _taken(scope: Scope) -> Claim | None:
    """Answer the key that the request took, if it took one."""
    claim: Claim | None = scope.get("state", {}).get(_CLAIM)
    return None if claim is None or claim.subject_id is None else claim


def _reply(start: dict[str, Any], body: bytes) -> Reply:
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    kept = {name: value for name, value in headers.items() if name in _KEPT_HEADERS}
    return Reply(status=start["status"], headers=kept, body=body)
