"""An application that was killed finds out, by the order number or the paymentKey alone, how far its customer had come.

Rows G2-10, G2-11, RN3 to RN9, P2-16 and PC2-10 of the specification audit.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from paywon.base.clock import KST
from tests.field.conftest import Shop

VIEW = "/api/payments/toss/orders"


async def test_an_application_that_restores_before_the_confirm_finds_its_order(shop: Shop) -> None:
    """O11: the customer has authenticated, and nobody has confirmed yet."""
    order = await shop.order(12_000)
    key = await shop.window(order)
    for name in (order["orderNo"], order["id"]):
        shown = await shop.api.get(f"{VIEW}/{name}")
        assert shown.status == 200, shown
        assert (shown["payment"], shown["capsule"]) == (None, None)
        assert shown["order"] == {
            "id": order["id"],
            "orderId": order["orderNo"],
            "orderNo": order["orderNo"],
            "orderName": "책",
            "amount": 12_000,
            "status": "PENDING_PAYMENT",
            "expiresAt": order["expiresAt"],
            "fulfilment": {"kind": "none", "status": "NONE", "reason": None, "capsuleId": None},
        }
    assert (await shop.confirm(order, key)).status == 200
    paid = await shop.api.get(f"{VIEW}/{order['orderNo']}")
    assert (paid["order"]["status"], paid["payment"]["paymentKey"]) == ("PAID", key)


@pytest.mark.parametrize("name", ["ORD-never-placed", "019ab000-0000-7000-8000-000000000000"])
async def test_an_order_that_was_never_placed_is_not_found(shop: Shop, name: str) -> None:
    missing = await shop.api.get(f"{VIEW}/{name}")
    assert (missing.status, missing["code"]) == (404, "PAYMENT_NOT_FOUND")
    missing = await shop.api.get(f"/api/orders/{name}")
    assert (missing.status, missing["code"]) == (404, "ORDER_NOT_FOUND")
    body = {"paymentKey": "tgen_20260101000000abcd", "orderId": name, "amount": 12_000}
    missing = await shop.api.post("/api/payments/toss/confirm", body)
    assert (missing.status, missing["code"]) == (404, "ORDER_NOT_FOUND")


async def test_an_application_that_kept_the_id_of_its_order_pays_with_it(shop: Shop) -> None:
    order = await shop.order(12_000)
    key = await shop.window(order)
    paid = await shop.confirm({**order, "orderNo": order["id"]}, key)
    assert (paid.status, paid["payment"]["status"]) == (200, "DONE")
    again = await shop.confirm(order, key)
    assert (again.status, again["payment"]["id"]) == (200, paid["payment"]["id"])
    other = await shop.order(12_000)
    account = {"orderId": other["id"], "bank": "국민", "customerName": "박토스", "validHours": 24}
    issued = await shop.api.post("/api/payments/toss/virtual-accounts", account)
    assert (issued.status, issued["order"]["orderNo"]) == (201, other["orderNo"])


async def test_both_families_name_the_order_alike(shop: Shop) -> None:
    payment = await shop.paid()
    other = (await shop.api.get(f"/payments/{payment['id']}")).body
    order = (await shop.api.get(f"/api/orders/{payment['orderNo']}")).body
    assert {each["orderId"] for each in (payment, other, order)} == {order["orderNo"]}
    assert {each["orderNo"] for each in (payment, other, order)} == {order["orderNo"]}


async def test_a_deposit_screen_is_restored_whole(shop: Shop) -> None:
    """RN4: bank, account, payer, and until when: the account outlives the payment window."""
    order = await shop.order(12_000)
    account = {"orderId": order["orderNo"], "bank": "국민", "customerName": "박토스", "validHours": 24}
    issued = (await shop.api.post("/api/payments/toss/virtual-accounts", account)).body
    for path in (f"/api/payments/toss/{issued['payment']['paymentKey']}", f"{VIEW}/{order['orderNo']}"):
        shown = (await shop.api.get(path)).body
        told = shown["payment"]["virtualAccount"]
        assert (told["bankCode"], told["bankName"], told["customerName"]) == ("06", "국민", "박토스")
        assert datetime.fromisoformat(told["dueDate"]) == datetime.fromisoformat(shown["order"]["expiresAt"])
    ends_at = datetime.fromisoformat((await shop.api.get(f"/api/orders/{order['id']}"))["expiresAt"])
    assert ends_at > datetime.now(KST) + timedelta(hours=23)
    seed1 = (await shop.api.get(f"/payments/{issued['payment']['id']}")).body
    assert seed1["virtualAccount"]["customerName"] == "박토스"


async def test_a_payer_who_named_himself_in_the_window_is_shown_too(shop: Shop) -> None:
    order = await shop.order(12_000)
    key = await shop.window(order, method="VIRTUAL_ACCOUNT", bank="06", customerName="김토스")
    assert (await shop.confirm(order, key)).status == 200
    shown = (await shop.api.get(f"/api/payments/toss/{key}")).body
    assert (shown["payment"]["status"], shown["payment"]["virtualAccount"]["customerName"]) == (
        "WAITING_FOR_DEPOSIT",
        "김토스",
    )


async def test_why_there_is_no_capsule_yet_is_told(shop: Shop) -> None:
    """RN5: during the hold of a deposit the order is PAID, and the hand-over waits."""
    wish = {"kind": "time_capsule", "timeOption": "1_YEAR", "headcount": 2, "title": "여름"}
    order = await shop.order(12_000, fulfilment=wish)
    open_order = (await shop.api.get(f"{VIEW}/{order['orderNo']}"))["order"]
    assert open_order["fulfilment"] == {"kind": "time_capsule", "status": "WAITING", "reason": None, "capsuleId": None}
    assert (await shop.confirm(order, await shop.window(order))).status == 200
    paid = (await shop.api.get(f"{VIEW}/{order['orderNo']}")).body
    assert paid["order"]["fulfilment"]["status"] == "FULFILLED"
    assert paid["order"]["fulfilment"]["capsuleId"] == paid["capsule"]["id"]
    assert paid["capsule"]["orderNo"] == order["orderNo"]


async def test_a_payment_that_is_in_doubt_is_shown_under_the_key_that_was_asked(shop: Shop) -> None:
    """RN6: 202 at the confirm, and the GETs after it: the key is there, and when to look again."""
    stack = shop.stack
    order = await shop.order(12_000)
    key = await shop.window(order)
    await stack.fault(kind="drop_reply", path="/v1/payments/confirm", times=0)
    await stack.fault(kind="status", path=f"/v1/payments/{key}", status=503, times=0)
    await stack.fault(kind="status", path="/v1/payments/orders/*", status=503, times=0)
    doubted = await shop.confirm(order, key)
    assert (doubted.status, doubted["payment"]["paymentKey"]) == (202, key)
    assert doubted["payment"]["openRequest"] == "payment_confirmation"
    for path in (f"/api/payments/toss/{key}", f"{VIEW}/{order['orderNo']}", f"/payments/{doubted['payment']['id']}"):
        shown = await shop.api.get(path)
        if shown.status == 409:  # whose key it is, only Toss can say as long as it is asked
            assert shown["code"] == "PAYMENT_IN_PROGRESS"
            continue
        payment: dict[str, Any] = shown.body.get("payment", shown.body)
        assert (shown.status, payment["paymentKey"], shown.headers["retry-after"]) == (200, key, "2"), path


async def test_a_refused_card_is_found_under_its_key(shop: Shop) -> None:
    """RN9."""
    order = await shop.order(12_000)
    key = await shop.window(order, declineAtConfirm="REJECT_CARD_PAYMENT")
    assert (await shop.confirm(order, key)).status == 402
    shown = (await shop.api.get(f"/api/payments/toss/{key}")).body
    assert (shown["payment"]["paymentKey"], shown["payment"]["failCode"]) == (key, "REJECT_CARD_PAYMENT")


async def test_what_was_cancelled_stands_apart_from_what_was_not(shop: Shop) -> None:
    """PC2-10: who adds up ``cancels`` gets what went back."""
    payment = await shop.paid(12_000)
    path = f"/api/payments/toss/{payment['paymentKey']}"
    no = {"kind": "status", "status": 403, "code": "NOT_ALLOWED_PARTIAL_REFUND", "times": 1}
    await shop.stack.fault(**no, path=f"/v1/payments/{payment['paymentKey']}/cancel")
    refused = await shop.api.post(f"{path}/cancel", {"cancelReason": "거절될 것", "cancelAmount": 2_000})
    assert refused.status in (402, 422, 502), refused
    done = await shop.api.post(f"{path}/cancel", {"cancelReason": "된 것", "cancelAmount": 3_000})
    assert done.status == 200, done
    shown = (await shop.api.get(path))["payment"]
    assert [(each["cancelAmount"], each["cancelStatus"]) for each in shown["cancels"]] == [(3_000, "DONE")]
    assert [(each["cancelAmount"], each["cancelStatus"]) for each in shown["refusedCancels"]] == [(2_000, "FAILED")]
    assert shown["openCancels"] == []


async def test_a_card_is_shown_with_its_issuers_name(shop: Shop) -> None:
    payment = await shop.paid()
    assert payment["issuerCode"] is not None
    assert payment["issuerName"] is not None
    assert payment["acquirerName"] is not None
