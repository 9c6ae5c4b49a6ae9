"""Toss's paths of payouts v1: sub-malls (toss/api.md 12)."""

from __future__ import annotations

from litestar import get, post
from litestar.types import ControllerRouterHandler

from paywon_sandbox.core.store import Account
from paywon_sandbox.doors.dialects import ITEMS, ArrayDialect, Dialect
from paywon_sandbox.doors.door import AnyRequest, Door
from paywon_sandbox.doors.replies import Answer
from paywon_sandbox.rules import submalls
from paywon_sandbox.rules.params import Params


class _NoBody(Dialect):
    """A POST that needs none."""

    def read(self, method: str, body: bytes) -> Params:
        """Nothing is read."""
        return Params({})


@get("/v1/payouts/sub-malls")
async def list_submalls(request: AnyRequest, door: Door) -> Answer:
    """Every sub-mall."""
    return await door.serve(request, "GET /v1/payouts/sub-malls", lambda account, params: submalls.listed(account))


@post("/v1/payouts/sub-malls", status_code=200)
async def register_submall(request: AnyRequest, door: Door) -> Answer:
    """A new sub-mall."""
    return await door.serve(request, "POST /v1/payouts/sub-malls", submalls.register)


@post("/v1/payouts/sub-malls/{submall_id:str}", status_code=200)
async def edit_submall(request: AnyRequest, door: Door, submall_id: str) -> Answer:
    """Change a sub-mall."""

    def work(account: Account, params: Params) -> object:
        return submalls.edit(account, submall_id, params)

    return await door.serve(request, "POST /v1/payouts/sub-malls/{id}", work)


@post("/v1/payouts/sub-malls/{submall_id:str}/delete", status_code=200)
async def delete_submall(request: AnyRequest, door: Door, submall_id: str) -> Answer:
    """Delete a sub-mall."""

    def work(account: Account, params: Params) -> object:
        return submalls.delete(account, submall_id)

    return await door.serve(request, "POST /v1/payouts/sub-malls/{id}/delete", work, _NoBody())


@get("/v1/payouts/sub-malls/settlements/balance")
async def read_submall_balance(request: AnyRequest, door: Door) -> Answer:
    """What may be paid out."""
    return await door.serve(
        request, "GET /v1/payouts/sub-malls/settlements/balance", lambda account, params: submalls.balance(account)
    )


@post("/v1/payouts/sub-malls/settlements", status_code=200)
async def request_submall_payouts(request: AnyRequest, door: Door) -> Answer:
    """One payout or several."""

    def work(account: Account, params: Params) -> object:
        return submalls.request(account, params.children(ITEMS) if params.has(ITEMS) else [params])

    return await door.serve(request, "POST /v1/payouts/sub-malls/settlements", work, ArrayDialect())


HANDLERS: list[ControllerRouterHandler] = [
    list_submalls,
    register_submall,
    edit_submall,
    delete_submall,
    read_submall_balance,
    request_submall_payouts,
]
