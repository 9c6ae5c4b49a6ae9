"""Control door, second part: bank, billing window, tax office and developer centre."""

from __future__ import annotations

from litestar import get, post
from litestar.types import ControllerRouterHandler

from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.store import Account
from paywon_sandbox.doors.control import control
from paywon_sandbox.doors.door import AnyRequest, Door
from paywon_sandbox.doors.replies import Answer
from paywon_sandbox.rules import billing, cancel, centre, escrow, expiry, payouts, receipts, sellers, virtual_accounts
from paywon_sandbox.rules.params import Params


@post("/sandbox/virtual-accounts/{order_id:str}/{action:str}", status_code=200)
async def play_bank(request: AnyRequest, door: Door, order_id: str, action: str) -> Answer:
    """deposit {amount?, depositorName?}, reverse, expire, refund {outcome}; answers the Payment."""

    def command(account: Account, params: Params) -> object:
        if action == "deposit":
            return virtual_accounts.deposit(account, order_id, params, door.settings.public_url)
        if action == "reverse":
            return virtual_accounts.reverse(account, order_id)
        if action == "expire":
            return expiry.expire(account, virtual_accounts.of_order(account, order_id)[0].payment.payment_key)
        if action == "refund":
            return virtual_accounts.order_refund_outcome(account, order_id, params)
        raise TossError("NOT_FOUND")

    return await control(request, door, command)


@post("/sandbox/payments/{payment_key:str}/expire", status_code=200)
async def let_expire(request: AnyRequest, door: Door, payment_key: str) -> Answer:
    """The window closes, or the account falls due, without moving the clock; answers the Payment."""
    return await control(request, door, lambda account, params: expiry.expire(account, payment_key))


@post("/sandbox/payments/{payment_key:str}/ship", status_code=200)
async def ship(request: AnyRequest, door: Door, payment_key: str) -> Answer:
    """Escrow: the goods are on their way, and nothing is cancelled until they came; answers the Payment."""
    return await control(request, door, lambda account, params: escrow.deliver(account, payment_key, received=False))


@post("/sandbox/payments/{payment_key:str}/receive", status_code=200)
async def receive(request: AnyRequest, door: Door, payment_key: str) -> Answer:
    """Escrow: the customer has the goods; answers the Payment."""
    return await control(request, door, lambda account, params: escrow.deliver(account, payment_key, received=True))


@post("/sandbox/payments/{payment_key:str}/cancel-outcome", status_code=200)
async def play_wallet(request: AnyRequest, door: Door, payment_key: str) -> Answer:
    """How an asynchronous wallet's cancel ends: {outcome: DONE | ABORTED}; answers the Payment."""
    return await control(request, door, lambda account, params: cancel.order_outcome(account, payment_key, params))


@post("/sandbox/console/payments/{payment_key:str}/cancel", status_code=200)
async def cancel_at_the_console(request: AnyRequest, door: Door, payment_key: str) -> Answer:
    """A cancel that the shop did not make: in the merchant console (toss/api.md 19); answers the Payment."""

    def command(account: Account, params: Params) -> object:
        wanted = cancel.read_cancel(params, account.decimals_of(payment_key))
        return cancel.cancel(account, payment_key, wanted).payment

    return await control(request, door, command)


@post("/sandbox/billing-auth", status_code=200)
async def authorise_billing(request: AnyRequest, door: Door) -> Answer:
    """The customer's part of the billing window: {customerKey, …} → {authKey}."""
    return await control(request, door, lambda account, params: {"authKey": billing.authorise(account, params)})


@post("/sandbox/billing-keys/{billing_key:str}/delete", status_code=200)
async def lose_billing_key(request: AnyRequest, door: Door, billing_key: str) -> Answer:
    """A billing key that goes without the merchant's asking: {reason?}."""

    def command(account: Account, params: Params) -> object:
        billing.delete(account, billing_key, params.optional_text("reason"))
        return {"deleted": billing_key}

    return await control(request, door, command)


@post("/sandbox/cash-receipts/{receipt_key:str}/outcome", status_code=200)
async def play_tax_office(request: AnyRequest, door: Door, receipt_key: str) -> Answer:
    """What the tax office will answer: {outcome: COMPLETED | FAILED, reason?: TS1 …}."""
    return await control(request, door, lambda account, params: receipts.order_outcome(account, receipt_key, params))


@post("/sandbox/sellers/{seller_id:str}/status", status_code=200)
async def play_seller(request: AnyRequest, door: Door, seller_id: str) -> Answer:
    """What Toss finds out about a seller: {status}; answers the Seller."""
    return await control(request, door, lambda account, params: sellers.order_status(account, seller_id, params))


@get("/sandbox/payouts")
async def list_payouts(request: AnyRequest, door: Door) -> Answer:
    """Payouts of both versions, oldest first; v1 has no way to read them."""

    def command(account: Account, params: Params) -> object:
        return {"payouts": [record.payout for record in account.payouts.values()]}

    return await control(request, door, command)


@post("/sandbox/payouts/{payout_id:str}/outcome", status_code=200)
async def play_payout(request: AnyRequest, door: Door, payout_id: str) -> Answer:
    """How a payout of either version will end: {outcome: COMPLETED | FAILED, code?}."""
    return await control(request, door, lambda account, params: payouts.order_outcome(account, payout_id, params))


@post("/sandbox/events", status_code=200)
async def send_event(request: AnyRequest, door: Door) -> Answer:
    """Send an event of a product that is not built here: {eventType, data?}."""
    return await control(request, door, centre.send_event)


@get("/sandbox/settings")
async def read_settings(request: AnyRequest, door: Door) -> Answer:
    """API version and security keys."""
    return await control(request, door, lambda account, params: centre.settings_view(account))


@post("/sandbox/settings", status_code=200)
async def change_settings(request: AnyRequest, door: Door) -> Answer:
    """{version?, signatureKey?: text | hex, reissueSecurityKey?: true, payoutBalance?, requestsPerMinute?, …}."""
    return await control(request, door, centre.change_settings)


HANDLERS: list[ControllerRouterHandler] = [
    play_bank,
    let_expire,
    ship,
    receive,
    play_wallet,
    cancel_at_the_console,
    authorise_billing,
    lose_billing_key,
    play_tax_office,
    play_seller,
    list_payouts,
    play_payout,
    send_event,
    read_settings,
    change_settings,
]
