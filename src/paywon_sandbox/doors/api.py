"""Toss's own paths: each handler names its endpoint and the rule that answers it."""

from __future__ import annotations

from litestar import get, post
from litestar.types import ControllerRouterHandler

from paywon_sandbox.core.store import Account
from paywon_sandbox.core.values import Payment
from paywon_sandbox.doors.door import AnyRequest, Door, Look
from paywon_sandbox.doors.replies import Answer
from paywon_sandbox.rules import reads
from paywon_sandbox.rules.cancel import cancel, read_cancel
from paywon_sandbox.rules.confirm import confirm, read_confirm
from paywon_sandbox.rules.create import create_payment, read_create
from paywon_sandbox.rules.params import Params


@post("/v1/payments", status_code=200)
async def create(request: AnyRequest, door: Door) -> Answer:
    """Open a payment without the browser script (toss/api.md 5.1)."""

    def work(account: Account, params: Params) -> Payment:
        wanted = read_create(params, method_required=True)
        return create_payment(door.store, account, wanted, door.settings.public_url).payment

    return await door.serve(request, "POST /v1/payments", work)


@post("/v1/payments/confirm", status_code=200)
async def confirm_payment(request: AnyRequest, door: Door) -> Answer:
    """Approve what the customer authenticated (toss/api.md 5.2)."""

    def work(account: Account, params: Params) -> Payment:
        return confirm(account, read_confirm(account, params), door.settings.public_url).payment

    return await door.serve(request, "POST /v1/payments/confirm", work)


@get("/v1/payments/{payment_key:str}")
async def read_payment(request: AnyRequest, door: Door, payment_key: str) -> Answer:
    """One payment by its key (toss/api.md 5.3)."""
    look = Look(lambda account, params, lag_ms: reads.payment(account, payment_key, lag_ms))
    return await door.serve(request, "GET /v1/payments/{paymentKey}", look)


@get("/v1/payments/orders/{order_id:str}")
async def read_payment_of_order(request: AnyRequest, door: Door, order_id: str) -> Answer:
    """One payment by its orderId (toss/api.md 5.3)."""
    look = Look(lambda account, params, lag_ms: reads.payment_of_order(account, order_id, lag_ms))
    return await door.serve(request, "GET /v1/payments/orders/{orderId}", look)


@post("/v1/payments/{payment_key:str}/cancel", status_code=200)
async def cancel_payment(request: AnyRequest, door: Door, payment_key: str) -> Answer:
    """Cancel all or a part (toss/api.md 5.4)."""

    def work(account: Account, params: Params) -> Payment:
        return cancel(account, payment_key, read_cancel(params, account.decimals_of(payment_key))).payment

    return await door.serve(request, "POST /v1/payments/{paymentKey}/cancel", work)


HANDLERS: list[ControllerRouterHandler] = [
    create,
    confirm_payment,
    read_payment,
    read_payment_of_order,
    cancel_payment,
]
