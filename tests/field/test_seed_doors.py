"""What seed 1's front end and phone app send, and what they are told: amounts, telephone numbers, users, refusals."""

from typing import Any

import pytest

from tests.conftest import OpenStack
from tests.field.conftest import Shop
from tests.support.stack import Reply, Stack
from tests.support.tokens import EVERY_SCOPE, USERS, token_of

ISSUE = "/api/payments/toss/virtual-accounts"
BILLING = "/api/payments/toss/billing"
SAID = "한도초과 혹은 잔액부족으로 결제에 실패했습니다."


@pytest.fixture
async def stack(open_stack: OpenStack) -> Stack:
    return await open_stack(worker=False, **USERS, PAYWON_USER_SCOPES=EVERY_SCOPE)


async def _order(stack: Stack, amount: int = 30_000, **more: Any) -> dict[str, Any]:
    reply = await stack.api.post("/api/orders", {"orderName": "책", "amount": amount, "userId": "u-1", **more})
    assert reply.status == 201, reply
    body: dict[str, Any] = reply.body
    return body


async def _billing_key(stack: Stack, **how: Any) -> str:
    auth = await stack.toss.post("/sandbox/billing-auth", {"customerKey": "customer-1", **how})
    issued = await stack.api.post(f"{BILLING}/issue", {"authKey": auth["authKey"], "customerKey": "customer-1"})
    assert issued.status == 201, issued
    name: str = issued["billingKey"]["id"]
    return name


def _below(reply: Reply, least: int) -> None:
    assert (reply.status, reply["code"]) == (422, "AMOUNT_BELOW_MINIMUM"), reply
    assert (reply["field"], reply["minimumAmount"]) == ("amount", least)
    assert f"{least}원" in reply["message"]


@pytest.mark.parametrize(
    ("means", "least"), [("card", 100), ("transfer", 200), ("virtual_account", 200), ("mobile", 100)]
)
async def test_nobody_is_sent_to_a_window_that_will_not_take_the_amount(stack: Stack, means: str, least: int) -> None:
    _below(await stack.request_payment(amount=least - 1, paymentMethod=means), least)
    assert await stack.rows("SELECT FROM orders") == [], "nothing is left of it"
    assert await stack.toss_requests("/v1/payments") == []
    assert (await stack.request_payment(amount=least, paymentMethod=means)).status == 201


async def test_no_account_is_issued_and_no_key_charged_below_what_toss_takes(stack: Stack) -> None:
    cheap, cheaper = await _order(stack, 199), await _order(stack, 99)
    account = {"orderId": cheap["orderNo"], "bank": "국민은행", "customerName": "홍길동"}
    _below(await stack.api.post(ISSUE, account), 200)
    card = await _billing_key(stack)
    _below(await stack.api.post(f"{BILLING}/{card}", {"orderId": cheaper["orderNo"]}), 100)
    assert await stack.rows("SELECT FROM payment_transactions WHERE payment_id IS NOT NULL") == []
    # The order can still be paid by what takes it.
    assert (await stack.api.post(f"{BILLING}/{card}", {"orderId": cheap["orderNo"]})).status == 200


async def test_a_key_that_takes_from_an_account_charges_from_200_won(stack: Stack) -> None:
    account = await _billing_key(stack, method="TRANSFER")
    cheap, enough = await _order(stack, 199), await _order(stack, 200)
    _below(await stack.api.post(f"{BILLING}/{account}", {"orderId": cheap["orderNo"]}), 200)
    charged = await stack.api.post(f"{BILLING}/{account}", {"orderId": enough["orderNo"]})
    assert charged.status == 200, charged


async def test_an_order_of_nothing_stays_free(stack: Stack) -> None:
    assert (await _order(stack, 0))["status"] == "PAID"


@pytest.mark.parametrize("typed", ["01012345678", "010-1234-5678", "010 1234 5678", " 010-12345678 "])
async def test_a_telephone_number_is_taken_as_people_write_it(stack: Stack, typed: str) -> None:
    requested = await stack.request_payment(customerMobilePhone=typed, paymentMethod="mobile")
    assert requested.status == 201, requested
    order = await _order(stack)
    account = {"orderId": order["orderNo"], "bank": "국민은행", "customerName": "홍길동", "customerMobilePhone": typed}
    assert (await stack.api.post(ISSUE, account)).status == 201
    kept = await stack.rows("SELECT customer FROM payments")
    assert {row["customer"]["mobilePhone"] for row in kept} == {"01012345678"}
    sent = [*await stack.toss_requests("/v1/payments"), *await stack.toss_requests("/v1/virtual-accounts")]
    assert [asked["body"].get("customerMobilePhone") for asked in sent] == ["01012345678"] * 2


@pytest.mark.parametrize("typed", ["010--1234-5678", "010-1234-567a", "1234567", "+82 10 1234 5678", "0" * 16, "-" * 9])
async def test_what_is_no_telephone_number_is_refused_by_name(stack: Stack, typed: str) -> None:
    reply = await stack.request_payment(customerMobilePhone=typed)
    assert (reply.status, reply["field"]) == (400, "customerMobilePhone"), reply


async def test_every_field_for_a_telephone_number_takes_it_as_people_write_it(stack: Stack) -> None:
    """A door that is added later takes it too: the document says what each takes."""
    schemas = (await stack.api.get("/schema/openapi.json"))["components"]["schemas"]
    patterns = [
        (name, field)
        for name, schema in schemas.items()
        for field, said in schema.get("properties", {}).items()
        if "mobilephone" in field.lower() and "[ -]?" not in str(said) and name.endswith("In")
    ]
    assert patterns == []


async def _as_user(stack: Stack, path: str, body: Any) -> Reply:
    return await stack.api.post(path, body, headers={"Authorization": f"Bearer {token_of('alice')}"})


WITHOUT_USER = [
    ("/api/orders", {"orderName": "책", "amount": 5_000}),
    ("/payments/request", {"amount": 5_000, "paymentMethod": "card"}),
]


@pytest.mark.parametrize(("path", "body"), WITHOUT_USER)
async def test_a_users_token_says_whose_it_is(stack: Stack, path: str, body: dict[str, Any]) -> None:
    made = await _as_user(stack, path, body)
    assert made.status == 201, made
    assert (await stack.row("SELECT user_id FROM orders"))["user_id"] == "alice"
    assert (await _as_user(stack, path, {**body, "userId": "alice"})).status == 201
    others = await _as_user(stack, path, {**body, "userId": "bob"})
    assert (others.status, others["field"]) == (403, "userId"), others


@pytest.mark.parametrize(("path", "body"), WITHOUT_USER)
async def test_a_server_still_has_to_say_for_whom_it_asks(stack: Stack, path: str, body: dict[str, Any]) -> None:
    for more in ({}, {"userId": None}):
        reply = await stack.api.post(path, {**body, **more})
        assert (reply.status, reply["code"], reply["field"]) == (400, "INVALID_REQUEST", "userId"), reply
        assert "필수" in reply["message"]
    assert await stack.rows("SELECT FROM orders") == []


async def test_a_customer_reads_in_the_message_why_the_card_was_declined(shop: Shop) -> None:
    order = await shop.order()
    key = await shop.window(order, declineAtConfirm="REJECT_CARD_PAYMENT")
    for language, ours in (("ko", "결제가 거절되었습니다"), ("en", "The payment was declined")):
        reply = await shop.confirm(order, key, headers={"Accept-Language": language})
        assert (reply.status, reply["code"], reply["providerCode"]) == (402, "PAYMENT_DECLINED", "REJECT_CARD_PAYMENT")
        assert (reply["originalMessage"], reply["detail"]) == (SAID, reply["message"])
        assert reply["message"].startswith(f"{ours}: {SAID} "), reply


async def test_a_refund_that_toss_refuses_says_why(shop: Shop) -> None:
    payment = await shop.paid()
    path = f"/api/payments/toss/{payment['paymentKey']}/cancel"
    code = "NOT_ALLOWED_PARTIAL_REFUND"
    await shop.stack.fault(kind="status", path=f"/v1/payments/{payment['paymentKey']}/cancel", status=403, code=code)
    reply = await shop.api.post(path, {"cancelReason": "변심", "cancelAmount": 1_000})
    assert (reply.status, reply["code"], reply["providerCode"]) == (422, "PAYMENT_REFUSED", code), reply
    assert f"({code}): {reply['originalMessage'].rstrip('.')}." in reply["message"], reply


async def test_tosss_code_is_told_where_our_keys_are_refused(shop: Shop) -> None:
    order = await shop.order()
    key = await shop.window(order)
    await shop.stack.fault(kind="status", path="/v1/payments/confirm", status=401, code="UNAUTHORIZED_KEY")
    reply = await shop.confirm(order, key)
    assert (reply.status, reply["code"], reply["providerCode"]) == (502, "PROVIDER_MISCONFIGURED", "UNAUTHORIZED_KEY")
    await shop.stack.fault(kind="status", path="/v1/transactions", status=500, code="FAILED_DB_PROCESSING")
    span = "startDate=2026-11-01&endDate=2026-11-02"
    listed = await shop.api.get(f"/api/payments/toss/transactions?{span}")
    assert (listed.status, listed["providerCode"]) == (503, "FAILED_DB_PROCESSING"), listed


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("resourceType=", "resourceType"),
        ("resourceId=a%20b", "resourceId"),
        (f"resourceId={'x' * 65}", "resourceId"),
        ("orderNo=abc", "orderNo"),
        ("orderNo=abc%2Fdef", "orderNo"),
        ("status=DONE", "status"),
        ("resource=booking", "resource"),
    ],
)
async def test_a_filter_that_cannot_be_is_refused_by_its_name(stack: Stack, query: str, field: str) -> None:
    reply = await stack.api.get(f"/payments?{query}")
    assert (reply.status, reply["field"]) == (400, field), reply


async def test_a_booking_finds_its_payment(stack: Stack) -> None:
    wanted = (await stack.request_payment(resourceId="b-1"))["payment"]
    await stack.request_payment(resourceId="b-2")
    await stack.request_payment(resourceType="seat", resourceId="b-1")
    for query in ("resourceType=booking&resourceId=b-1", f"orderNo={wanted['orderId']}"):
        found = await stack.api.get(f"/payments?{query}")
        assert ([payment["id"] for payment in found["payments"]], found["total"]) == ([wanted["id"]], 1)
