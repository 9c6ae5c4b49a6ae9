"""The control door: what real Toss does outside its API, as JSON under /sandbox with the same Basic key."""

from __future__ import annotations

from collections.abc import Callable

from litestar import delete, get, post
from litestar.types import ControllerRouterHandler

from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.records import LoggedRequest
from paywon_sandbox.core.store import Account
from paywon_sandbox.doors import log, steering
from paywon_sandbox.doors.auth import secret_key
from paywon_sandbox.doors.door import AnyRequest, Door
from paywon_sandbox.doors.replies import Answer, drain, header, read_body, refusal, success, to_answer, wants_english
from paywon_sandbox.rules.expiry import sweep
from paywon_sandbox.rules.params import Params, parse_json_object
from paywon_sandbox.rules.window import OUTCOMES, authenticate, read_choice

Command = Callable[[Account, Params], object]


async def control(request: AnyRequest, door: Door, command: Command) -> Answer:
    """Authentication, JSON, command, store, answer; no faults, no idempotency, no log."""
    endpoint = f"{request.method} {request.scope['path']}"
    english = wants_english(request)
    try:
        account = door.store.account(secret_key(header(request, b"authorization")))
        body = await read_body(request) if request.method == "POST" else b""
        sweep(account)
        reply = success(command(account, Params(parse_json_object(body) if body else {})))
    except TossError as error:
        await drain(request)
        reply = refusal(endpoint, error.code, english=english)
    door.store.commit()
    door.dispatcher.wake()
    return to_answer(reply)


@post("/sandbox/payments/{payment_key:str}/authenticate", status_code=200)
async def play_customer(request: AnyRequest, door: Door, payment_key: str) -> Answer:
    """The customer's part without a browser."""

    def command(account: Account, params: Params) -> object:
        record = account.payments.get(payment_key)
        if record is None:
            raise TossError("NOT_FOUND_PAYMENT")
        wanted = params.text("outcome")
        outcome = next((known for known in OUTCOMES if known == wanted), None)
        if outcome is None:
            raise TossError("INVALID_REQUEST")
        choice = read_choice(params, record)
        return {"redirectUrl": authenticate(account, record, outcome, choice)}

    return await control(request, door, command)


@get("/sandbox/clock")
async def read_clock(request: AnyRequest, door: Door) -> Answer:
    """The account's time."""
    return await control(request, door, lambda account, params: steering.clock_view(account))


@post("/sandbox/clock/{action:str}", status_code=200)
async def change_clock(request: AnyRequest, door: Door, action: str) -> Answer:
    """advance {seconds}, freeze, resume. What falls due by it has happened when the answer comes."""
    return await control(request, door, lambda account, params: steering.change_clock(account, action, params))


@post("/sandbox/webhooks", status_code=200)
async def register_webhook(request: AnyRequest, door: Door) -> Answer:
    """Register a receiver. The same url again replaces the earlier registration."""
    return await control(request, door, steering.register_webhook)


@get("/sandbox/webhooks")
async def list_webhooks(request: AnyRequest, door: Door) -> Answer:
    """Every registration."""
    return await control(request, door, lambda account, params: {"webhooks": list(account.webhooks.values())})


@delete("/sandbox/webhooks/{webhook_id:str}", status_code=200)
async def remove_webhook(request: AnyRequest, door: Door, webhook_id: str) -> Answer:
    """Forget a registration."""

    def command(account: Account, params: Params) -> object:
        steering.remove_webhook(account, webhook_id)
        return {"deleted": webhook_id}

    return await control(request, door, command)


@get("/sandbox/webhooks/deliveries")
async def list_deliveries(request: AnyRequest, door: Door) -> Answer:
    """Every delivery with its attempts, oldest first; ?orderId= narrows."""
    order_id = request.query_params.get("orderId")

    def command(account: Account, params: Params) -> object:
        found = [d for d in account.deliveries.values() if order_id in (None, d.order_id)]
        return {"deliveries": found}

    return await control(request, door, command)


@post("/sandbox/webhooks/deliveries/{delivery_id:str}/resend", status_code=200)
async def resend_delivery(request: AnyRequest, door: Door, delivery_id: str) -> Answer:
    """The dashboard's "다시 시도": send once more, now."""
    return await control(request, door, lambda account, params: steering.resend(account, delivery_id))


@post("/sandbox/faults", status_code=200)
async def order_fault(request: AnyRequest, door: Door) -> Answer:
    """Order a trouble; `times` defaults to 1, 0 means until it is deleted."""
    return await control(request, door, steering.order_fault)


@get("/sandbox/faults")
async def list_faults(request: AnyRequest, door: Door) -> Answer:
    """Faults that are still waiting."""
    return await control(request, door, lambda account, params: {"faults": steering.waiting_faults(account)})


@delete(["/sandbox/faults", "/sandbox/faults/{fault_id:str}"], status_code=200)
async def remove_faults(request: AnyRequest, door: Door, fault_id: str | None = None) -> Answer:
    """Call off one fault, or all of them."""

    def command(account: Account, params: Params) -> object:
        return {"deleted": steering.remove_faults(account, fault_id)}

    return await control(request, door, command)


@get("/sandbox/requests")
async def list_requests(request: AnyRequest, door: Door) -> Answer:
    """The request log, oldest first; ?path= (prefix) and ?orderId= narrow."""
    path = request.query_params.get("path", "")
    order_id = request.query_params.get("orderId")

    def fits(line: LoggedRequest) -> bool:
        return line.path.startswith(path) and order_id in (None, line.order_id)

    def command(account: Account, params: Params) -> object:
        return {"requests": [log.shown(line) for line in account.requests if fits(line)]}

    return await control(request, door, command)


@post("/sandbox/reset", status_code=200)
async def reset_account(request: AnyRequest, door: Door) -> Answer:
    """Forget everything of this key: payments, webhooks, faults, log, clock."""

    def command(account: Account, params: Params) -> object:
        account.reset()
        return {"reset": True, "now": toss_instant(account.clock.now())}

    return await control(request, door, command)


HANDLERS: list[ControllerRouterHandler] = [
    play_customer,
    read_clock,
    change_clock,
    register_webhook,
    list_webhooks,
    remove_webhook,
    list_deliveries,
    resend_delivery,
    order_fault,
    list_faults,
    remove_faults,
    list_requests,
    reset_account,
]
