"""The calls that make each recorded body anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote, urlencode

from tests.sandbox import makers_payouts
from tests.sandbox.client import FAIL_URL, SUCCESS_URL, Toss, new_order_id
from tests.sandbox.receiver import Receiver

Maker = Callable[[Toss], Awaitable[Any]]
DAY = 86_400
CUSTOMER = "aENcQAtPdYbTjGhtQnNVj"
REFUND_ACCOUNT = {"bank": "20", "accountNumber": "1000123456789", "holderName": "박토스"}
ORDER = {"orderName": "토스 티셔츠 외 2건"}


def paid(amount: int, opening: dict[str, object] | None = None, **choice: object) -> Maker:
    async def make(toss: Toss) -> Any:
        key, order_id = await toss.opened(amount, **(opening or {}))
        await toss.authenticate(key, **choice)
        answer = await toss.confirm(key, order_id, amount)
        return answer.json if answer.status == 200 else await toss.payment(key)

    return make


def then_canceled(before: Maker, *amounts: int | None) -> Maker:
    """None cancels the rest."""

    async def make(toss: Toss) -> Any:
        payment = await before(toss)
        for amount in amounts:
            answer = await toss.cancel(payment["paymentKey"], cancelAmount=amount, refundReceiveAccount=REFUND_ACCOUNT)
            payment = answer.json
        return payment

    return make


def opened(seconds: int = 0, *, authenticated: bool = False) -> Maker:
    async def make(toss: Toss) -> Any:
        key, _ = await toss.opened()
        if authenticated:
            await toss.authenticate(key)
        if seconds:
            await toss.advance(seconds)
        return await toss.payment(key)

    return make


def bank(before: Maker, *actions: str) -> Maker:
    """What the bank does to a virtual account: deposit, reverse."""

    async def make(toss: Toss) -> Any:
        payment = await before(toss)
        for action in actions:
            payment = await toss.ok(f"/sandbox/virtual-accounts/{payment['orderId']}/{action}")
        return payment

    return make


ACCOUNT = paid(15000, method="VIRTUAL_ACCOUNT", bank="20")
ACCOUNT_WITH_RECEIPT = paid(15000, method="VIRTUAL_ACCOUNT", bank="20", cashReceiptType="소득공제")
ACCOUNT_WITH_REFUND = paid(
    15000, method="VIRTUAL_ACCOUNT", bank="20", refundAccountNumber="001012341342", refundHolderName="박토스"
)
LINK_PAY_CARD = paid(1000, cardCompany="71")


async def past_due(toss: Toss) -> Any:
    payment = await ACCOUNT(toss)
    await toss.advance(168 * 3600 + 1)
    return await toss.payment(payment["paymentKey"])


async def issue_billing(toss: Toss, **registered: object) -> Any:
    auth_key = (await toss.ok("/sandbox/billing-auth", {"customerKey": CUSTOMER} | registered))["authKey"]
    return await toss.ok("/v1/billing/authorizations/issue", {"authKey": auth_key, "customerKey": CUSTOMER})


async def issue_newer_billing(toss: Toss) -> Any:
    await toss.ok("/sandbox/settings", {"version": "2024-06-01"})
    return await issue_billing(toss)


async def issue_transfer_billing(toss: Toss) -> Any:
    return await issue_billing(toss, method="TRANSFER")


async def charged(toss: Toss) -> Any:
    key = (await issue_billing(toss))["billingKey"]
    order = {"customerKey": CUSTOMER, "amount": 4900, "orderId": new_order_id(), "orderName": "토스 프라임 구독"}
    return await toss.ok(f"/v1/billing/{key}", order)


async def issue_receipt(toss: Toss) -> Any:
    body = ORDER | {"amount": 15000, "orderId": new_order_id(), "type": "소득공제"}
    return await toss.ok("/v1/cash-receipts", body | {"customerIdentityNumber": "01012341234"})


async def cancel_receipt(toss: Toss) -> Any:
    receipt = await issue_receipt(toss)
    return await toss.ok(f"/v1/cash-receipts/{receipt['receiptKey']}/cancel", {"amount": 15000})


async def list_receipts(toss: Toss) -> Any:
    day = (await issue_receipt(toss))["requestedAt"][:10]
    bad = await issue_receipt(toss)
    await toss.ok(f"/sandbox/cash-receipts/{bad['receiptKey']}/outcome", {"outcome": "FAILED", "reason": "TS1"})
    await toss.advance(DAY + 1)
    return (await toss.get(f"/v1/cash-receipts?requestDate={day}")).json


async def list_transactions(toss: Toss) -> Any:
    await then_canceled(paid(1000), None)(toss)
    await charged(toss)
    return (await toss.get("/v1/transactions?startDate=2020-01-01&endDate=2099-01-01")).json


async def list_settlements(toss: Toss) -> Any:
    card = paid(64601, method="CARD", cardCompany="41", installmentPlanMonths=5, isInterestFree=True)
    await then_canceled(card, None)(toss)
    await bank(ACCOUNT, "deposit")(toss)
    await toss.advance(8 * DAY)
    return (await toss.get("/v1/settlements?startDate=2020-01-01&endDate=2099-01-01")).json


async def ask_for_settlement(toss: Toss) -> Any:
    payment = await paid(15000)(toss)
    return await toss.ok("/v1/settlements", {"paymentKey": payment["paymentKey"]})


def read(path: str) -> Maker:
    async def make(toss: Toss) -> Any:
        return (await toss.get(path)).json

    return make


def told(flow: Maker, event_type: str, status: str | None = None, nth: int = 1) -> Maker:
    """Headers and body of the nth webhook of that type (and status) that the flow sends."""

    async def make(toss: Toss) -> Any:
        async with Receiver() as receiver:
            await toss.ok("/sandbox/webhooks", {"url": receiver.url, "events": [event_type]})
            await flow(toss)
            for number in range(1, 20):
                await receiver.wait_for(number)
                pairs = zip(receiver.headers, receiver.bodies, strict=True)
                found = [pair for pair in pairs if status in (None, pair[1].get("data", pair[1]).get("status"))]
                if len(found) >= nth:
                    headers, body = found[nth - 1]
                    return {"headers": headers, "body": body}
        raise AssertionError("not sent")

    return make


def changed(flow: Maker, status: str) -> Maker:
    return told(flow, "PAYMENT_STATUS_CHANGED", status)


def callback(flow: Maker, status: str, nth: int = 1) -> Maker:
    return told(flow, "DEPOSIT_CALLBACK", status, nth)


def sent(event_type: str, **data: object) -> Maker:
    async def flow(toss: Toss) -> Any:
        return await toss.ok("/sandbox/events", {"eventType": event_type, "data": data})

    return told(flow, event_type)


async def _paid_by_link(toss: Toss) -> Any:
    payment = await LINK_PAY_CARD(toss)
    event = {"eventType": "ORDER_PAYMENT_STATUS_CHANGED", "data": {"payment": payment}}
    return await toss.ok("/sandbox/events", event)


async def _deleted_key(toss: Toss) -> None:
    key = (await issue_billing(toss))["billingKey"]
    await toss.call("DELETE", f"/v1/billing/{key}")


async def redirects(toss: Toss) -> Any:
    """The addresses that a browser is sent to."""
    key, _ = await toss.opened(1000)
    path = f"/sandbox/payments/{key}/authenticate"
    canceled = await toss.ok(path, {"outcome": "close"})
    rejected = await toss.ok(path, {"outcome": "decline"})
    return {
        "payment_success": await toss.authenticate(key),
        "payment_fail_user_cancel": canceled["redirectUrl"],
        "payment_fail_rejected": rejected["redirectUrl"],
        "billing_success": await _billing_window(toss, "approve"),
        "billing_fail": await _billing_window(toss, "close"),
    }


async def _billing_window(toss: Toss, outcome: str) -> str:
    query = {"key": toss.key.replace("_sk_", "_ck_"), "customerKey": CUSTOMER, "method": "CARD"}
    query |= {"successUrl": SUCCESS_URL, "failUrl": FAIL_URL}
    form = urlencode({"outcome": outcome}, quote_via=quote).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await toss.post(f"/sandbox/billing-window?{urlencode(query)}", raw=form, headers=headers)
    return answer.headers["location"]


ABORTED = paid(15000, declineAtConfirm="COMMON_ERROR", cardCompany="71")
TEN_THOUSAND = paid(10000, cardCompany="71")

MAKERS: dict[str, Maker] = {
    "payment-ready-checkout-created": opened(),
    "payment-in-progress": opened(authenticated=True),
    "payment-expired": opened(1801),
    "payment-aborted": ABORTED,
    "payment-card-done": LINK_PAY_CARD,
    "payment-card-canceled-full": then_canceled(LINK_PAY_CARD, None),
    "payment-card-done-installment": paid(
        60000, {"metadata": {"cartId": "c-1001"}}, cardCompany="41", installmentPlanMonths=3, isInterestFree=True
    ),
    "payment-card-done-tax-free": paid(10000, {"taxFreeAmount": 3000}),
    "payment-card-partial-canceled-twice": then_canceled(TEN_THOUSAND, 1000, 1000),
    "payment-card-partial-then-rest-canceled": then_canceled(TEN_THOUSAND, 1000, 1000, None),
    "payment-easypay-registered-card": paid(15000, method="EASY_PAY"),
    "payment-easypay-card-plus-point": paid(15000, method="EASY_PAY", pointsAmount=5000),
    "payment-easypay-account": paid(15000, method="EASY_PAY", easyPayFunding="account"),
    "payment-easypay-account-plus-point": paid(15000, method="EASY_PAY", easyPayFunding="account", pointsAmount=5000),
    "payment-easypay-point-only": paid(15000, method="EASY_PAY", pointsAmount=15000),
    "payment-transfer-done": paid(20000, method="TRANSFER", cashReceiptType="소득공제"),
    "payment-mobile-phone-done": paid(30000, method="MOBILE_PHONE"),
    "payment-gift-certificate-done": paid(5000, method="CULTURE_GIFT_CERTIFICATE"),
    "payment-virtual-account-waiting": ACCOUNT_WITH_REFUND,
    "payment-virtual-account-waiting-past-due": past_due,
    "payment-virtual-account-done": bank(ACCOUNT_WITH_RECEIPT, "deposit"),
    "payment-virtual-account-canceled-before-deposit": then_canceled(ACCOUNT, None),
    "payment-virtual-account-canceled-after-deposit": then_canceled(bank(ACCOUNT_WITH_RECEIPT, "deposit"), None),
    "payment-billing-done": charged,
    "billing-card-2022-11-16": issue_billing,
    "billing-card-2024-06-01": issue_newer_billing,
    "billing-transfer": issue_transfer_billing,
    "cash-receipt-issued": issue_receipt,
    "cash-receipt-canceled": cancel_receipt,
    "cash-receipts-list": list_receipts,
    "transactions-list": list_transactions,
    "settlements-list": list_settlements,
    "settlement-request-result": ask_for_settlement,
    "promotions-card": read("/v1/promotions/card"),
    "promotions-list": read("/v1/promotions"),
    "redirects": redirects,
    "webhook-payment-status-changed-done": changed(LINK_PAY_CARD, "DONE"),
    "webhook-payment-status-changed-canceled": changed(then_canceled(LINK_PAY_CARD, None), "CANCELED"),
    "webhook-payment-status-changed-partial-canceled": told(
        then_canceled(TEN_THOUSAND, 1000, 1000), "PAYMENT_STATUS_CHANGED", "PARTIAL_CANCELED", nth=2
    ),
    "webhook-payment-status-changed-aborted": changed(ABORTED, "ABORTED"),
    "webhook-payment-status-changed-expired": changed(opened(1801), "EXPIRED"),
    "webhook-payment-status-changed-virtual-account-done": changed(bank(ACCOUNT_WITH_RECEIPT, "deposit"), "DONE"),
    "webhook-deposit-callback-issued": callback(ACCOUNT, "WAITING_FOR_DEPOSIT"),
    "webhook-deposit-callback-done": callback(bank(ACCOUNT, "deposit"), "DONE"),
    "webhook-deposit-callback-doc-sample": callback(bank(ACCOUNT, "deposit"), "DONE"),
    "webhook-deposit-callback-reversed": callback(bank(ACCOUNT, "deposit", "reverse"), "WAITING_FOR_DEPOSIT", 2),
    "webhook-deposit-callback-canceled": callback(then_canceled(bank(ACCOUNT, "deposit"), None), "CANCELED"),
    "webhook-billing-deleted": told(_deleted_key, "BILLING_DELETED"),
    "webhook-cancel-status-changed-done": sent("CANCEL_STATUS_CHANGED"),
    "webhook-cancel-status-changed-aborted": sent("CANCEL_STATUS_CHANGED", cancelStatus="ABORTED"),
    "webhook-method-updated": sent("METHOD_UPDATED"),
    "webhook-customer-status-changed": sent("CUSTOMER_STATUS_CHANGED"),
    "webhook-order-payment-status-changed": told(_paid_by_link, "ORDER_PAYMENT_STATUS_CHANGED"),
    "webhook-ars-reservation-changed": sent("ars-reservation.changed"),
    "webhook-payout-changed": told(makers_payouts.payout_list, "payout.changed"),
    "webhook-seller-changed": told(makers_payouts.seller, "seller.changed"),
    "payment-foreign-easypay-paypal-done": paid(50, {"method": "FOREIGN_EASY_PAY", "currency": "USD"}),
    "v2-balance": makers_payouts.balance,
    "v2-error": makers_payouts.error,
    "v2-payout-list": makers_payouts.payout_list,
    "v2-payout-requested": makers_payouts.payout_requested,
    "v2-seller": makers_payouts.seller,
    "v2-seller-deleted": makers_payouts.seller_deleted,
    "v2-seller-list": makers_payouts.seller_list,
}
