"""Toss's paths that need no payment window: key-in, virtual accounts, billing."""

from __future__ import annotations

from litestar import delete, post
from litestar.types import ControllerRouterHandler

from paywon_sandbox.core.store import Account
from paywon_sandbox.core.values import Billing, Payment
from paywon_sandbox.doors.door import AnyRequest, Door
from paywon_sandbox.doors.replies import Answer
from paywon_sandbox.rules import billing, virtual_accounts
from paywon_sandbox.rules.params import Params


@post("/v1/payments/key-in", status_code=200)
async def key_in(request: AnyRequest, door: Door) -> Answer:
    """Approve a card typed in by the merchant (toss/api.md 5.5)."""

    def work(account: Account, params: Params) -> Payment:
        wanted = billing.read_key_in(params)
        return billing.key_in(door.store, account, wanted, door.settings.public_url).payment

    return await door.serve(request, "POST /v1/payments/key-in", work)


@post("/v1/virtual-accounts", status_code=200)
async def issue_account(request: AnyRequest, door: Door) -> Answer:
    """Issue an account to pay into (toss/api.md 6)."""

    def work(account: Account, params: Params) -> Payment:
        wanted = virtual_accounts.read_issue(params)
        return virtual_accounts.issue(door.store, account, wanted, door.settings.public_url).payment

    return await door.serve(request, "POST /v1/virtual-accounts", work)


@post("/v1/billing/authorizations/issue", status_code=200)
async def issue_billing_key(request: AnyRequest, door: Door) -> Answer:
    """A billing key for an authKey (toss/api.md 7)."""
    return await door.serve(request, "POST /v1/billing/authorizations/issue", billing.issue)


@post("/v1/billing/authorizations/card", status_code=200)
async def issue_billing_key_for_card(request: AnyRequest, door: Door) -> Answer:
    """A billing key for a typed card (toss/api.md 7)."""

    def work(account: Account, params: Params) -> Billing:
        return billing.issue_for_card(account, params)

    return await door.serve(request, "POST /v1/billing/authorizations/card", work)


@post("/v1/billing/{billing_key:str}", status_code=200)
async def charge(request: AnyRequest, door: Door, billing_key: str) -> Answer:
    """Charge a billing key (toss/api.md 7)."""

    def work(account: Account, params: Params) -> Payment:
        wanted = billing.read_charge(params)
        return billing.charge(door.store, account, billing_key, wanted, door.settings.public_url).payment

    return await door.serve(request, "POST /v1/billing/{billingKey}", work)


@delete("/v1/billing/{billing_key:str}", status_code=200)
async def delete_billing_key(request: AnyRequest, door: Door, billing_key: str) -> Answer:
    """200 with an empty body (toss/api.md 7 [M])."""

    def work(account: Account, params: Params) -> None:
        billing.delete(account, billing_key)

    return await door.serve(request, "DELETE /v1/billing/{billingKey}", work)


HANDLERS: list[ControllerRouterHandler] = [
    key_in,
    issue_account,
    issue_billing_key,
    issue_billing_key_for_card,
    charge,
    delete_billing_key,
]
