"""The browser's door: Toss's two scripts at Toss's paths, and what they call with a client key."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from urllib.parse import urlencode

from litestar import Response, get, post, route
from litestar.types import ControllerRouterHandler

from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.store import Account
from paywon_sandbox.doors import log
from paywon_sandbox.doors.door import AnyRequest, Door
from paywon_sandbox.doors.keys import account_key, client_key
from paywon_sandbox.doors.replies import Answer, drain, header, read_body, refusal, success, to_answer, wants_english
from paywon_sandbox.doors.windows import read_billing_window
from paywon_sandbox.rules.create import create_payment, read_create
from paywon_sandbox.rules.expiry import sweep
from paywon_sandbox.rules.params import Params, parse_json_object

# One closure around the parts makes a script of its own; there is nothing to build.
_SHARED = ("errors", "checks", "request", "overlay", "payment")
SCRIPTS = {"v1": (*_SHARED, "v1"), "v2": (*_SHARED, "style", "widgets", "v2")}
_CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "POST, OPTIONS",
    "access-control-allow-headers": "authorization, content-type, accept-language",
    "access-control-max-age": "600",
}
_CORS_BYTES = [(name.encode(), value.encode()) for name, value in _CORS.items()]


@cache
def _script(name: str) -> bytes:
    folder = files("paywon_sandbox").joinpath("static/sdk")
    parts = (folder.joinpath(f"{part}.js").read_text(encoding="utf-8") for part in SCRIPTS[name])
    return ("(() => {\n'use strict';\n" + "\n".join(parts) + "\n})();\n").encode()


def _script_reply(name: str) -> Response[bytes]:
    # Revalidated at every load, so that an updated sandbox is never met by yesterday's script.
    headers = {"cache-control": "no-cache", "access-control-allow-origin": "*", "x-content-type-options": "nosniff"}
    return Response(_script(name), media_type="text/javascript", headers=headers)


@get(["/v1", "/v1/payment"], sync_to_thread=False)
def script_v1() -> Response[bytes]:
    """What js.tosspayments.com serves at /v1/payment: the older SDK."""
    return _script_reply("v1")


@get("/v2/standard", sync_to_thread=False)
def script_v2() -> Response[bytes]:
    """What js.tosspayments.com serves at /v2/standard: SDK v2."""
    return _script_reply("v2")


@route(
    ["/sandbox/checkout", "/sandbox/billing-checkout"], http_method=["OPTIONS"], status_code=204, sync_to_thread=False
)
def preflight() -> Response[None]:
    """Browsers ask before a page of another origin may send a key."""
    return Response(None, status_code=204, headers=_CORS | {"access-control-allow-private-network": "true"})


@post("/sandbox/checkout", status_code=200)
async def open_checkout(request: AnyRequest, door: Door) -> Answer:
    """Open the payment window: what the scripts call, with the client key or the secret key of the pair."""

    def command(account: Account, params: Params) -> object:
        wanted = read_create(params, method_required=False)
        record = create_payment(door.store, account, wanted, door.settings.public_url)
        assert record.payment.checkout is not None
        return {"paymentKey": record.payment.payment_key, "checkoutUrl": record.payment.checkout.url}

    return await _answer(request, door, command)


@post("/sandbox/billing-checkout", status_code=200)
async def open_billing_checkout(request: AnyRequest, door: Door) -> Answer:
    """Open the billing authorisation: checks the parameters and returns the address of its page."""

    def command(account: Account, params: Params) -> object:
        window = read_billing_window(params)
        query = urlencode({"key": client_key(account.key), **window.query()})
        return {"windowUrl": f"{door.settings.public_url}/sandbox/billing-window?{query}"}

    return await _answer(request, door, command)


async def _answer(request: AnyRequest, door: Door, command: Callable[[Account, Params], object]) -> Answer:
    """Client or secret key, JSON, command, store, answer with the headers that let a shop's page read it."""
    path, line = request.scope["path"], None
    try:
        account = door.store.account(account_key(header(request, b"authorization")))
        body = await read_body(request)
        line = log.opened(account, "POST", path, body, None)
        sweep(account)
        reply = success(command(account, Params(parse_json_object(body))))
    except TossError as error:
        await drain(request)
        reply = refusal(f"POST {path}", error.code, english=wants_english(request))
    if line is not None:
        log.close(line, reply)
    door.store.commit()
    door.dispatcher.wake()
    return to_answer(reply, headers=_CORS_BYTES)


HANDLERS: list[ControllerRouterHandler] = [script_v1, script_v2, preflight, open_checkout, open_billing_checkout]
