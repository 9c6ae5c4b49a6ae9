"""Toss's paths of payouts v2: balance, sellers, payouts (toss/api.md 13)."""

from __future__ import annotations

from typing import TypeVar

from litestar import delete, get, post
from litestar.types import ControllerRouterHandler

from paywon_sandbox import inferred
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.store import Account
from paywon_sandbox.doors.dialects import ITEMS, Entity, EnvelopeDialect
from paywon_sandbox.doors.door import AnyRequest, Door, Work
from paywon_sandbox.doors.replies import Answer
from paywon_sandbox.rules import payouts, sellers
from paywon_sandbox.rules.params import Params

Item = TypeVar("Item")


async def _serve(request: AnyRequest, door: Door, endpoint: str, work: Work) -> Answer:
    return await door.serve(request, endpoint, work, EnvelopeDialect(request.headers, sealed=False))


async def _serve_sealed(request: AnyRequest, door: Door, endpoint: str, work: Work, *, arrays: bool = False) -> Answer:
    dialect = EnvelopeDialect(request.headers, sealed=True, arrays=arrays)
    return await door.serve(request, endpoint, work, dialect)


def _page(request: AnyRequest, kind: str, rows: dict[str, Item]) -> Entity:
    """`{hasNext, lastCursor, items}` after `startingAfter` (toss/api.md 1.6)."""
    query = Params({name: value for name, value in request.query_params.items() if value != ""})
    limit = query.page_limit("limit", inferred.V2_PAGE_DEFAULT, inferred.V2_PAGE_LIMIT)
    after = query.optional_text("startingAfter", code="INVALID_PAGING_KEY")
    keys = list(rows)
    if after is not None and after not in rows:
        raise TossError("INVALID_PAGING_KEY")
    first = 0 if after is None else keys.index(after) + 1
    shown = keys[first : first + limit]
    items = [rows[key] for key in shown]
    last = shown[-1] if shown else after
    return Entity(f"{kind}-list", {"hasNext": first + limit < len(keys), "lastCursor": last, "items": items})


@get("/v2/balances")
async def read_balance(request: AnyRequest, door: Door) -> Answer:
    """What may be paid out."""
    return await _serve(
        request, door, "GET /v2/balances", lambda account, params: Entity("balance", payouts.balance(account))
    )


@post("/v2/sellers", status_code=200)
async def register_seller(request: AnyRequest, door: Door) -> Answer:
    """A new seller; encrypted."""

    def work(account: Account, params: Params) -> Entity:
        return Entity("seller", sellers.register(account, params))

    return await _serve_sealed(request, door, "POST /v2/sellers", work)


@post("/v2/sellers/{seller_id:str}", status_code=200)
async def edit_seller(request: AnyRequest, door: Door, seller_id: str) -> Answer:
    """Change a seller; encrypted."""

    def work(account: Account, params: Params) -> Entity:
        return Entity("seller", sellers.edit(account, seller_id, params))

    return await _serve_sealed(request, door, "POST /v2/sellers/{id}", work)


@get("/v2/sellers/{seller_id:str}")
async def read_seller(request: AnyRequest, door: Door, seller_id: str) -> Answer:
    """One seller."""

    def work(account: Account, params: Params) -> Entity:
        return Entity("seller", sellers.find(account, seller_id).seller)

    return await _serve(request, door, "GET /v2/sellers/{id}", work)


@get("/v2/sellers")
async def list_sellers(request: AnyRequest, door: Door) -> Answer:
    """Sellers, oldest first."""

    def work(account: Account, params: Params) -> Entity:
        return _page(request, "seller", sellers.listed(account))

    return await _serve(request, door, "GET /v2/sellers", work)


@delete("/v2/sellers/{seller_id:str}", status_code=200)
async def delete_seller(request: AnyRequest, door: Door, seller_id: str) -> Answer:
    """Delete a seller."""

    def work(account: Account, params: Params) -> Entity:
        return Entity("deleted-entity", sellers.delete(account, seller_id))

    return await _serve(request, door, "DELETE /v2/sellers/{id}", work)


@post("/v2/payouts", status_code=200)
async def request_payouts(request: AnyRequest, door: Door) -> Answer:
    """One payout or an array of up to 100; encrypted."""

    def work(account: Account, params: Params) -> Entity:
        many = params.has(ITEMS)
        wishes = payouts.read_requests(params.children(ITEMS) if many else [params])
        made = payouts.request(account, wishes)
        if not many or not inferred.PAYOUTS_ANSWERED_AS_LIST:
            return Entity("payout", made[0])
        return Entity("payout-list", {"hasNext": False, "lastCursor": made[-1].id, "items": made})

    return await _serve_sealed(request, door, "POST /v2/payouts", work, arrays=True)


@get("/v2/payouts/{payout_id:str}")
async def read_payout(request: AnyRequest, door: Door, payout_id: str) -> Answer:
    """One payout."""

    def work(account: Account, params: Params) -> Entity:
        return Entity("payout", payouts.find_payout(account, payout_id).payout)

    return await _serve(request, door, "GET /v2/payouts/{id}", work)


@get("/v2/payouts")
async def list_payouts(request: AnyRequest, door: Door) -> Answer:
    """Payouts, oldest first."""

    def work(account: Account, params: Params) -> Entity:
        return _page(request, "payout", payouts.listed(account))

    return await _serve(request, door, "GET /v2/payouts", work)


@post("/v2/payouts/{payout_id:str}/cancel", status_code=200)
async def cancel_payout(request: AnyRequest, door: Door, payout_id: str) -> Answer:
    """Take back what was not begun; no body, nothing encrypted."""

    def work(account: Account, params: Params) -> Entity:
        return Entity("payout", payouts.cancel(account, payout_id))

    return await _serve(request, door, "POST /v2/payouts/{id}/cancel", work)


HANDLERS: list[ControllerRouterHandler] = [
    read_balance,
    register_seller,
    edit_seller,
    read_seller,
    list_sellers,
    delete_seller,
    request_payouts,
    read_payout,
    list_payouts,
    cancel_payout,
]
