"""Toss's paths for what is looked up afterwards: transactions, settlements, cash receipts, promotions."""

from __future__ import annotations

from litestar import get, post
from litestar.types import ControllerRouterHandler

from paywon_sandbox.core.store import Account
from paywon_sandbox.doors.door import AnyRequest, Door, Look
from paywon_sandbox.doors.replies import Answer
from paywon_sandbox.rules import books, promotions, receipts
from paywon_sandbox.rules.params import Params


def _query(request: AnyRequest) -> Params:
    """Query parameters; an empty one is absent."""
    return Params({name: value for name, value in request.query_params.items() if value != ""})


@get("/v1/transactions")
async def list_transactions(request: AnyRequest, door: Door) -> Answer:
    """Approvals, cancels and issued accounts (toss/api.md 8)."""
    look = Look(lambda account, params, lag_ms: books.transactions(account, _query(request), lag_ms))
    return await door.serve(request, "GET /v1/transactions", look)


@get("/v1/settlements")
async def list_settlements(request: AnyRequest, door: Door) -> Answer:
    """What is paid out, and when (toss/api.md 9)."""
    return await door.serve(
        request, "GET /v1/settlements", lambda account, params: books.settlements(account, _query(request))
    )


@post("/v1/settlements", status_code=200)
async def request_settlement(request: AnyRequest, door: Door) -> Answer:
    """Manual settlement (toss/api.md 9)."""

    def work(account: Account, params: Params) -> object:
        return books.request_settlement(account, params.text("paymentKey", longest=200))

    return await door.serve(request, "POST /v1/settlements", work)


@post("/v1/cash-receipts", status_code=200)
async def issue_receipt(request: AnyRequest, door: Door) -> Answer:
    """Issue a cash receipt (toss/api.md 10)."""

    def work(account: Account, params: Params) -> object:
        return receipts.issue(account, receipts.read_receipt(params), door.settings.public_url)

    return await door.serve(request, "POST /v1/cash-receipts", work)


@post("/v1/cash-receipts/{receipt_key:str}/cancel", status_code=200)
async def cancel_receipt(request: AnyRequest, door: Door, receipt_key: str) -> Answer:
    """Cancel all or a part of a cash receipt (toss/api.md 10)."""

    def work(account: Account, params: Params) -> object:
        return receipts.cancel(account, receipt_key, params.optional_positive("amount"))

    return await door.serve(request, "POST /v1/cash-receipts/{receiptKey}/cancel", work)


@get("/v1/cash-receipts")
async def list_receipts(request: AnyRequest, door: Door) -> Answer:
    """The cash receipts of a day (toss/api.md 10)."""
    return await door.serve(
        request, "GET /v1/cash-receipts", lambda account, params: receipts.page(account, _query(request))
    )


@get("/v1/promotions/card")
async def list_card_promotions(request: AnyRequest, door: Door) -> Answer:
    """Card promotions (toss/api.md 11)."""
    return await door.serve(request, "GET /v1/promotions/card", lambda account, params: promotions.card_promotions())


@get("/v1/promotions")
async def list_promotions(request: AnyRequest, door: Door) -> Answer:
    """All promotions, the newer form (toss/api.md 11)."""
    return await door.serve(request, "GET /v1/promotions", lambda account, params: promotions.promotions())


HANDLERS: list[ControllerRouterHandler] = [
    list_transactions,
    list_settlements,
    request_settlement,
    issue_receipt,
    cancel_receipt,
    list_receipts,
    list_card_promotions,
    list_promotions,
]
