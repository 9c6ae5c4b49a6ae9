"""Specification 1, 1.2 to 1.4 and 1.15: what there is, how it is set up, and the payment request as printed."""

import re
from importlib import import_module
from uuid import UUID

import pytest

from tests.acceptance.specifications.steps import printed_request, requested
from tests.support.stack import Http, Stack


async def test_f1_r1_r10_r12_the_printed_request_makes_a_payment_with_a_checkout_url(stack: Stack) -> None:
    reply = await stack.api.post("/payments/request", printed_request())
    assert (reply.status, set(reply.body)) == (201, {"payment", "checkoutUrl"})
    payment = reply["payment"]
    assert UUID(payment["id"])
    assert (payment["amount"], payment["status"]) == (50_000, "pending")
    assert re.fullmatch(r"ORD-\d{13}-[A-Z0-9]{6,}", payment["orderId"])


async def test_r11_the_payment_number_has_the_printed_shape_and_more_signs(stack: Stack) -> None:
    numbers = {(await requested(stack))["payment"]["paymentNumber"] for _ in range(5)}
    assert len(numbers) == 5
    assert all(re.fullmatch(r"PAY-\d{8}-[A-Z0-9]{12}", number) and len(number) <= 30 for number in numbers)


async def test_r13_the_checkout_url_is_the_payment_window(stack: Stack, stranger: Http) -> None:
    url = (await requested(stack))["checkoutUrl"]
    stranger.base_url = ""
    window = await stranger.get(url)
    assert (window.status, "50,000" in window.body.decode()) == (200, True)


async def test_r2_te1_the_printed_curl_needs_a_key(stack: Stack, stranger: Http) -> None:
    curl = printed_request(userId="uuid", resourceId="uuid", customerEmail=None, customerMobilePhone=None)
    refused = await stranger.post("/payments/request", curl)
    assert (refused.status, refused["code"]) == (401, "UNAUTHENTICATED")
    assert await stack.rows("SELECT FROM orders") == []
    assert (await stack.api.post("/payments/request", curl)).status == 201


async def test_r3_r4_ids_may_be_uuids_or_words_and_the_resource_may_be_left_out(stack: Stack) -> None:
    for changes in ({}, {"userId": "uuid", "resourceId": "uuid"}, {"resourceType": None, "resourceId": None}):
        body = printed_request(**changes)
        payment = (await stack.api.post("/payments/request", body))["payment"]
        assert payment["userId"] == body["userId"]
        assert (payment["resourceType"], payment["resourceId"]) == (body.get("resourceType"), body.get("resourceId"))


@pytest.mark.parametrize(("amount", "status"), [(100, 201), (99, 422), (1, 422), (0, 400), (-5, 400), ("50000", 400)])
async def test_r5_an_amount_below_what_the_means_takes_is_refused(stack: Stack, amount: object, status: int) -> None:
    reply = await stack.api.post("/payments/request", printed_request(amount=amount))
    assert reply.status == status, reply
    if status == 422:
        assert (reply["code"], reply["minimumAmount"], reply["field"]) == ("AMOUNT_BELOW_MINIMUM", 100, "amount")


@pytest.mark.parametrize("means", ["card", "transfer", "virtual_account", "mobile", "CARD", "카드"])
async def test_r6_the_four_means_are_taken_and_no_other_word(stack: Stack, means: str) -> None:
    reply = await stack.api.post("/payments/request", printed_request(paymentMethod=means))
    if means.isascii() and means.islower():
        assert (reply.status, reply["payment"]["paymentMethod"]) == (201, means)
    else:
        assert (reply.status, reply["field"]) == (400, "paymentMethod")
        assert "virtual_account" in reply["message"]


async def test_r7_r8_r9_e1_what_the_customer_sees_reaches_toss(stack: Stack) -> None:
    await requested(stack, customerMobilePhone="010-1234-5678")
    (asked,) = await stack.toss_requests("/v1/payments")
    sent = {name: asked["body"][name] for name in ("customerName", "customerEmail", "customerMobilePhone", "orderName")}
    assert sent == {
        "customerName": "홍길동",
        "customerEmail": "hong@example.com",
        "customerMobilePhone": "01012345678",
        "orderName": "병원 예약 결제",
    }
    row = await stack.row("SELECT description, customer FROM payments")
    assert (row["description"], row["customer"]["mobilePhone"]) == ("병원 예약 결제", "01012345678")


async def test_e3_a_front_end_is_told_the_client_key(stranger: Http) -> None:
    reply = await stranger.get("/api/config")
    assert (reply.status, reply.body) == (200, {"clientKey": "test_ck_specification", "environment": "test"})


async def test_e5_the_window_leads_back_below_the_applications_base_url(stack: Stack) -> None:
    await requested(stack)
    (asked,) = await stack.toss_requests("/v1/payments")
    assert asked["body"]["successUrl"] == f"{stack.api_url}/payments/success"
    assert asked["body"]["failUrl"] == f"{stack.api_url}/payments/fail"


@pytest.mark.parametrize(
    "module",
    ["payments.model", "payments.store", "payments.commands", "payments.api.seed1", "toss.client", "toss.wire"],
)
def test_a1_each_part_of_the_printed_layout_has_its_place(module: str) -> None:
    assert import_module(f"paywon.{module}")
