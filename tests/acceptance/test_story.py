"""The main job, whole: real processes, real sockets, and the rows in PostgreSQL read past our code."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import OpenStack
from tests.support.stack import Stack


async def test_a_booking_is_requested_paid_and_refunded(stack: Stack) -> None:
    requested = await stack.request_payment(taxFreeAmount=3000)
    assert requested.status == 201
    payment = requested["payment"]
    assert (payment["status"], payment["amount"], payment["currency"]) == ("pending", 50_000, "KRW")
    assert requested["checkoutUrl"].startswith(stack.sandbox_url)

    redirect = await stack.authenticate(payment["paymentKey"])
    assert redirect.startswith(f"{stack.api_url}/payments/success?paymentType=NORMAL&orderId={payment['orderId']}")

    confirmation = {"paymentKey": payment["paymentKey"], "orderId": payment["orderId"], "amount": 50_000}
    confirmed = await stack.api.post("/payments/confirm", confirmation)
    assert (confirmed.status, confirmed["payment"]["status"]) == (200, "completed")

    part = await stack.api.post(
        f"/payments/{payment['id']}/refund", {"refundReason": "일부 취소", "refundAmount": 20_000}
    )
    assert (part["payment"]["status"], part["payment"]["refundedAmount"]) == ("partial_refunded", 20_000)
    rest = await stack.api.post(f"/payments/{payment['id']}/refund", {"refundReason": "나머지 취소"})
    assert (rest["payment"]["status"], rest["payment"]["refundableAmount"]) == ("refunded", 0)

    at_toss = (await stack.toss.get(f"/v1/payments/{payment['paymentKey']}")).body
    row = await stack.row("SELECT * FROM payments WHERE id = $1", payment["id"])
    _assert_filled_from_toss(row, at_toss)
    cancels = await stack.rows("SELECT * FROM payment_cancels ORDER BY created_at")
    assert [(c["cancel_amount"], c["cancel_reason"], c["cancel_status"]) for c in cancels] == [
        (20_000, "일부 취소", "DONE"),
        (30_000, "나머지 취소", "DONE"),
    ]
    assert [c["transaction_key"] for c in cancels] == [c["transactionKey"] for c in at_toss["cancels"]]
    assert [c["refundable_amount"] for c in cancels] == [30_000, 0]
    order = await stack.row("SELECT * FROM orders")
    assert (order["status"], order["resource_type"]) == ("REFUNDED", "booking")


def _assert_filled_from_toss(row: dict[str, Any], at_toss: dict[str, Any]) -> None:
    """Every column of both seeds that Toss's answer fills, against what Toss itself shows."""
    same = {
        "payment_key": "paymentKey",
        "order_no": "orderId",
        "order_name": "orderName",
        "method": "method",
        "status": "status",
        "currency": "currency",
        "balance_amount": "balanceAmount",
        "total_amount": "totalAmount",
        "vat": "vat",
        "supplied_amount": "suppliedAmount",
        "tax_free_amount": "taxFreeAmount",
        "tax_exemption_amount": "taxExemptionAmount",
        "last_transaction_key": "lastTransactionKey",
    }
    assert {column: row[column] for column in same} == {column: at_toss[name] for column, name in same.items()}
    card = at_toss["card"]
    assert (row["card_type"], row["issuer_code"], row["acquirer_code"], row["card_approval_number"]) == (
        card["cardType"],
        card["issuerCode"],
        card["acquirerCode"],
        card["approveNo"],
    )
    assert (row["installment_plan_months"], row["is_interest_free"]) == (0, False)
    assert row["card_last_four_digits"] == card["number"][-4:]
    assert row["card_company"]
    assert row["receipt_url"] == at_toss["receipt"]["url"]
    assert row["requested_at"] == datetime.fromisoformat(at_toss["requestedAt"])
    assert row["approved_at"] == datetime.fromisoformat(at_toss["approvedAt"])
    assert row["raw_response"]["paymentKey"] == at_toss["paymentKey"]
    assert row["raw_response"]["card"] == card | {"number": f"{'*' * 12}{card['number'][-4:]}"}
    assert row["payment_number"].startswith("PAY-")
    assert row["provider"] == "toss_payments"
    assert row["payment_method"] == "card"
    assert row["refund_reason"] == "나머지 취소"


async def test_a_time_capsule_lives_and_dies_with_its_order(stack: Stack) -> None:
    order = (await stack.api.post("/api/orders", _capsule_order())).body
    assert (order["status"], order["fulfilment"]["status"]) == ("PENDING_PAYMENT", "WAITING")
    payment_key = await _open_window(stack, order)
    confirmation = {"paymentKey": payment_key, "orderId": order["orderNo"], "amount": 12_000}
    confirmed = await stack.api.post("/api/payments/toss/confirm", confirmation)
    assert (confirmed.status, confirmed["payment"]["status"], confirmed["order"]["status"]) == (200, "DONE", "PAID")
    assert confirmed["payment"]["easyPayProvider"] == "토스페이"

    capsule = await stack.row("SELECT * FROM capsules")
    assert (capsule["view_limit"], capsule["status"], capsule["user_id"]) == (4, "LOCKED", "user-7")
    assert str(capsule["id"]) == confirmed["capsule"]["id"]
    assert timedelta(days=6) < capsule["open_at"] - datetime.now(UTC) <= timedelta(days=7)

    again = await stack.api.post("/api/payments/toss/confirm", confirmation)
    assert (again.status, again["payment"]["id"]) == (200, confirmed["payment"]["id"])
    assert len(await stack.rows("SELECT id FROM capsules")) == 1
    assert len(await stack.toss_requests("/v1/payments/confirm")) == 1

    part = await stack.api.post(
        f"/api/payments/toss/{payment_key}/cancel", {"cancelReason": "일부", "cancelAmount": 2_000}
    )
    assert (part["order"]["status"], part["capsule"]["status"]) == ("PARTIALLY_REFUNDED", "LOCKED")
    rest = await stack.api.post(f"/api/payments/toss/{payment_key}/cancel", {"cancelReason": "전부"})
    # Toss keeps saying PARTIAL_CANCELED when partial cancels add up to the total (toss/api.md 2 [M]).
    assert (rest["payment"]["status"], rest["payment"]["balanceAmount"]) == ("PARTIAL_CANCELED", 0)
    assert (rest["order"]["status"], rest["capsule"]["status"]) == ("REFUNDED", "CANCELED")
    seen = (await stack.api.get(f"/api/orders/{order['id']}")).body
    assert seen["fulfilment"] | {"capsuleId": None} == {
        "kind": "time_capsule",
        "status": "REVERSED",
        "reason": None,
        "capsuleId": None,
    }


async def test_the_webhook_arrives_and_agrees(stack: Stack) -> None:
    payment = await stack.paid()

    async def processed() -> list[dict[str, Any]]:
        return await stack.rows("SELECT * FROM webhook_events WHERE status = 'processed'")

    (event,) = await stack.eventually(processed)
    assert (event["event_type"], event["order_no"]) == ("PAYMENT_STATUS_CHANGED", payment["orderId"])
    # By its secret only if the confirm's answer, which tells us the secret, was learned before the webhook came.
    assert event["verdict"] in ("refetched", "secret_matched")
    # The confirm's answer has said the same, so Toss is not read for it.
    assert event["reason"] == "KNOWN_ALREADY"
    trail = (await stack.api.get(f"/payments/{payment['id']}/transactions"))["transactions"]
    assert [(row["type"], row["status"], row["actor"]) for row in trail] == [
        ("payment_request", "success", "key:test"),
        ("payment_confirmation", "success", "key:test"),
        ("webhook_received", "success", "webhook"),
    ]
    told = trail[-1]["requestData"]
    assert (trail[-1]["id"], told["webhookId"], told["verdict"]) == (
        str(event["id"]),
        str(event["id"]),
        event["verdict"],
    )
    assert trail[-1]["ipAddress"] == event["source_address"]
    assert all(row["closedAt"] >= row["createdAt"] for row in trail)


async def test_one_full_cancel_is_canceled_at_toss_too(stack: Stack) -> None:
    payment = await stack.paid()
    view = await stack.api.post(f"/api/payments/toss/{payment['paymentKey']}/cancel", {"cancelReason": "변심"})
    assert (view["payment"]["status"], view["order"]["status"]) == ("CANCELED", "REFUNDED")


async def test_a_wrong_amount_is_refused_before_toss_is_asked_and_is_on_record(stack: Stack) -> None:
    confirmation = await stack.ready_to_confirm()
    refused = await stack.api.post("/payments/confirm", {**confirmation, "amount": 100})
    assert (refused.status, refused["code"], refused["field"]) == (422, "AMOUNT_MISMATCH", "amount")
    assert await stack.toss_requests("/v1/payments/confirm") == []
    attempt = await stack.row("SELECT * FROM payment_transactions WHERE type = 'payment_confirmation'")
    assert (attempt["status"], attempt["error_code"], attempt["amount"]) == ("failed", "AMOUNT_MISMATCH", 100)
    assert (await stack.api.post("/payments/confirm", confirmation)).status == 200


async def test_a_declined_card_may_be_followed_by_another(stack: Stack) -> None:
    order = (await stack.api.post("/api/orders", _capsule_order())).body
    first = await _open_window(stack, order, declineAtConfirm="REJECT_CARD_PAYMENT")
    body = {"orderId": order["orderNo"], "amount": 12_000}
    declined = await stack.api.post("/api/payments/toss/confirm", {**body, "paymentKey": first})
    assert (declined.status, declined["code"], declined["providerCode"]) == (
        402,
        "PAYMENT_DECLINED",
        "REJECT_CARD_PAYMENT",
    )
    assert declined["originalMessage"] == "한도초과 혹은 잔액부족으로 결제에 실패했습니다."
    shown = (await stack.api.get(f"/api/payments/toss/orders/{order['orderNo']}")).body
    assert (shown["payment"]["status"], shown["payment"]["failCode"]) == ("ABORTED", "REJECT_CARD_PAYMENT")

    asked = len(await stack.toss_requests("/v1/payments/confirm"))
    again = await stack.api.post("/api/payments/toss/confirm", {**body, "paymentKey": first})
    assert (again.status, again["code"]) == (402, "PAYMENT_DECLINED")
    assert len(await stack.toss_requests("/v1/payments/confirm")) == asked, "that key is over; Toss is not asked again"

    second = await _open_window(stack, order)
    paid = await stack.api.post("/api/payments/toss/confirm", {**body, "paymentKey": second})
    assert (paid.status, paid["payment"]["paymentKey"], paid["order"]["status"]) == (200, second, "PAID")
    assert paid["payment"]["failCode"] is None
    assert len(await stack.rows("SELECT id FROM payments")) == 1


async def test_a_confirm_that_came_before_the_customer_spoils_nothing(stack: Stack) -> None:
    payment = (await stack.request_payment())["payment"]
    told = {name: payment[name] for name in ("paymentKey", "orderId", "amount")}
    early = await stack.api.post("/payments/confirm", told)
    assert (early.status, early["code"], early["providerCode"]) == (
        409,
        "PAYMENT_EXPIRED",
        "NOT_FOUND_PAYMENT_SESSION",
    )
    shown = (await stack.api.get(f"/payments/{payment['id']}"))["status"]
    assert shown == "pending", "the window may still be used"
    assert not await stack.rows("SELECT FROM events WHERE type = 'payment.failed'")
    await stack.authenticate(payment["paymentKey"])
    confirmed = await stack.api.post("/payments/confirm", told)
    assert (confirmed.status, confirmed["payment"]["status"]) == (200, "completed")


async def test_a_resource_has_one_open_order(stack: Stack) -> None:
    opened = await stack.request_payment(resourceId="b-1")
    first = await stack.request_payment(resourceId="b-1")
    assert first.status == 201, "another window of the same order"
    assert first["payment"]["orderId"] == opened["payment"]["orderId"]
    other_user = await stack.request_payment(resourceId="b-1", userId="somebody-else")
    assert (other_user.status, other_user["code"]) == (409, "DUPLICATE_PAYMENT")
    assert "checkoutUrl" not in other_user.body
    untyped = [await stack.request_payment(resourceType=None, resourceId="b-2") for _ in range(2)]
    assert untyped[0]["payment"]["orderId"] == untyped[1]["payment"]["orderId"]
    await stack.authenticate(first["payment"]["paymentKey"])
    confirmation = {key: first["payment"][key] for key in ("paymentKey", "orderId", "amount")}
    assert (await stack.api.post("/payments/confirm", confirmation)).status == 200
    assert (await stack.request_payment(resourceId="b-1")).status == 201


async def test_payments_are_found_listed_and_paged(stack: Stack) -> None:
    made = [(await stack.request_payment(userId="lister")).body["payment"]["id"] for _ in range(5)]
    await stack.request_payment(userId="another")
    first = (await stack.api.get("/payments?userId=lister&limit=2")).body
    assert (first["total"], [p["id"] for p in first["payments"]]) == (5, [made[4], made[3]])
    second = (await stack.api.get(f"/payments?userId=lister&limit=2&cursor={first['nextCursor']}")).body
    assert [p["id"] for p in second["payments"]] == [made[2], made[1]]
    third = (await stack.api.get("/payments?userId=lister&limit=2&page=3")).body
    assert ([p["id"] for p in third["payments"]], third["nextCursor"]) == ([made[0]], None)
    assert (await stack.api.get("/payments?userId=lister&status=completed"))["total"] == 0
    assert (await stack.api.get("/payments?userId=lister&status=pending"))["total"] == 5


async def test_a_receipt_exists_once_it_is_paid(stack: Stack) -> None:
    waiting = (await stack.request_payment()).body["payment"]
    assert (await stack.api.get(f"/payments/{waiting['id']}/receipt")).status == 404
    payment = await stack.paid()
    receipt = await stack.api.get(f"/payments/{payment['id']}/receipt")
    assert receipt["receiptUrl"] == payment["receiptUrl"]


async def test_what_cannot_be_fulfilled_is_paid_and_blocked_with_its_reason(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False)
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    order = (await stack.api.post("/api/orders", _capsule_order(timeOption="CUSTOM", customOpenAt=soon))).body
    payment_key = await _open_window(stack, order)

    async def passed() -> bool:
        return datetime.now(UTC) > datetime.fromisoformat(soon)

    await stack.eventually(passed)
    body = {"paymentKey": payment_key, "orderId": order["orderNo"], "amount": 12_000}
    paid = await stack.api.post("/api/payments/toss/confirm", body)
    assert (paid["order"]["status"], paid["capsule"]) == ("PAID", None)
    seen = (await stack.api.get(f"/api/orders/{order['id']}"))["fulfilment"]
    assert (seen["status"], seen["reason"]) == ("BLOCKED", "CUSTOM_OPEN_AT_PASSED")


def _capsule_order(**wish: Any) -> dict[str, Any]:
    fulfilment = {"kind": "time_capsule", "timeOption": "1_WEEK", "headcount": 4, "title": "우리의 여름"}
    return {
        "orderName": "타임캡슐 4인",
        "amount": 12_000,
        "userId": "user-7",
        "fulfilment": {**fulfilment, **wish},
    }


async def _open_window(stack: Stack, order: dict[str, Any], **outcome: Any) -> str:
    """What a page with Toss's browser script does: open the window, let the customer pay by easy pay."""
    window = await stack.toss.post(
        "/sandbox/checkout",
        {
            "orderId": order["orderNo"],
            "orderName": order["orderName"],
            "amount": order["amount"],
            "successUrl": "https://shop.example/success",
            "failUrl": "https://shop.example/fail",
        },
    )
    assert window.status in (200, 201), window
    key: str = window["paymentKey"]
    await stack.authenticate(key, method="EASY_PAY", easyPayProvider="토스페이", **outcome)
    return key


@pytest.mark.parametrize(
    ("method", "at_toss", "shown"),
    [
        ("card", "CARD", "카드"),
        ("transfer", "TRANSFER", "계좌이체"),
        ("mobile", "MOBILE_PHONE", "휴대폰"),
    ],
)
async def test_the_means_of_payment_of_seed_1(stack: Stack, method: str, at_toss: str, shown: str) -> None:
    payment = (await stack.request_payment(paymentMethod=method)).body["payment"]
    await stack.authenticate(payment["paymentKey"], method=at_toss)
    confirmation = {key: payment[key] for key in ("paymentKey", "orderId", "amount")}
    paid = (await stack.api.post("/payments/confirm", confirmation)).body["payment"]
    assert (paid["paymentMethod"], paid["method"], paid["status"]) == (method, shown, "completed")
    refunded = await stack.api.post(f"/payments/{payment['id']}/refund", {"refundReason": "변심"})
    assert refunded["payment"]["status"] == "refunded"


async def test_a_virtual_account_waits_for_its_deposit(stack: Stack) -> None:
    payment = (await stack.request_payment(paymentMethod="virtual_account")).body["payment"]
    await stack.authenticate(payment["paymentKey"], method="VIRTUAL_ACCOUNT")
    confirmation = {key: payment[key] for key in ("paymentKey", "orderId", "amount")}
    issued = await stack.api.post("/payments/confirm", confirmation)
    assert (issued.status, issued["payment"]["status"]) == (200, "pending")
    # The one account number that the customer must be shown.
    assert issued["payment"]["virtualAccount"]["accountNumber"].isalnum()
    assert (await stack.row("SELECT status FROM orders"))["status"] == "PENDING_PAYMENT"
    again = await stack.api.post("/payments/confirm", confirmation)
    assert (again.status, len(await stack.toss_requests("/v1/payments/confirm"))) == (200, 1)


async def test_a_null_amount_is_no_full_refund(stack: Stack) -> None:
    payment = await stack.paid()
    seed1 = await stack.api.post(f"/payments/{payment['id']}/refund", {"refundReason": "x", "refundAmount": None})
    path = f"/api/payments/toss/{payment['paymentKey']}/cancel"
    seed2 = await stack.api.post(path, {"cancelReason": "x", "cancelAmount": None})
    assert [(reply.status, reply["field"]) for reply in (seed1, seed2)] == [
        (400, "refundAmount"),
        (400, "cancelAmount"),
    ]
    assert await stack.rows("SELECT FROM payment_cancels") == []
    assert (await stack.api.post(f"/payments/{payment['id']}/refund", {"refundReason": "x"})).status == 200
    done = await stack.api.post(f"/payments/{payment['id']}/refund", {"refundReason": "x"})
    assert (done.status, "refunded" in done["message"]) == (409, True)
