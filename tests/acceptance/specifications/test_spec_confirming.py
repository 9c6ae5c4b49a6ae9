"""Specification 1, 1.5, 1.9 and 1.14: confirming, the flow up to it, and what Toss's refusals become."""

import asyncio

import pytest

from tests.acceptance.specifications.steps import App, printed_request, refund, refuse, requested, told
from tests.support.stack import Stack

CONFIRM = "/v1/payments/confirm"


async def test_c1_the_printed_body_pays_and_so_does_what_the_redirect_carries(stack: Stack) -> None:
    for more in ({}, {"paymentType": "NORMAL"}):
        reply = await stack.api.post("/payments/confirm", {**await stack.ready_to_confirm(), **more})
        assert (reply.status, reply["payment"]["status"]) == (200, "completed")


async def test_c2_another_amount_is_refused_before_toss_is_asked(stack: Stack) -> None:
    body = await stack.ready_to_confirm()
    reply = await stack.api.post("/payments/confirm", {**body, "amount": 40_000})
    assert (reply.status, reply["code"]) == (422, "AMOUNT_MISMATCH")
    assert await stack.toss_requests(CONFIRM) == []


async def test_c3_f6_ten_confirms_at_once_and_one_more_are_one_payment(stack: Stack) -> None:
    body = await stack.ready_to_confirm()
    replies = await asyncio.gather(*(stack.api.post("/payments/confirm", body) for _ in range(10)))
    assert {reply.status for reply in replies} <= {200, 202}

    async def completed() -> bool:
        return bool((await stack.api.post("/payments/confirm", body))["payment"]["status"] == "completed")

    await stack.eventually(completed)
    assert len(await stack.toss_requests(CONFIRM)) == 1
    assert len(await stack.rows("SELECT FROM payments")) == 1


async def test_f6_an_idempotency_key_answers_the_same_bytes(stack: Stack) -> None:
    body, headers = printed_request(), {"Idempotency-Key": "once"}
    first = await stack.api.post("/payments/request", body, headers=headers)
    again = await stack.api.post("/payments/request", body, headers=headers)
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (201, first.body, "true")


async def test_fl1_fl2_fl3_fl4_fl5_fl6_the_printed_flow_from_request_to_completed(stack: Stack) -> None:
    answer = await requested(stack)
    payment = answer["payment"]
    row = await stack.row("SELECT status, checkout_url FROM payments")
    assert (payment["status"], row["status"], row["checkout_url"]) == ("pending", "READY", answer["checkoutUrl"])
    redirect = await stack.authenticate(payment["paymentKey"])
    assert redirect.startswith(f"{stack.api_url}/payments/success?")
    reply = await stack.api.post("/payments/confirm", told(payment))
    assert (reply.status, reply["payment"]["status"]) == (200, "completed")


@pytest.mark.parametrize("other", [{}, {"paymentMethod": "transfer"}, {"amount": 40_000}], ids=["same", "means", "sum"])
async def test_fl13_cl3_a_customer_whose_card_was_refused_tries_again(stack: Stack, other: dict[str, object]) -> None:
    body = printed_request()
    first = (await stack.api.post("/payments/request", body))["payment"]
    await stack.authenticate(first["paymentKey"], declineAtConfirm="REJECT_CARD_PAYMENT")
    assert (await stack.api.post("/payments/confirm", told(first))).status == 402
    again = await stack.api.post("/payments/request", {**body, **other})
    assert again.status == 201, again
    second = again["payment"]
    assert second["paymentKey"] != first["paymentKey"]
    assert (second["orderId"] == first["orderId"]) == ("amount" not in other)
    await stack.authenticate(second["paymentKey"], method="TRANSFER" if "paymentMethod" in other else "CARD")
    paid = await stack.api.post("/payments/confirm", told(second))
    assert (paid.status, paid["payment"]["status"]) == (200, "completed")


async def test_fl13_an_unpaid_order_is_withdrawn(stack: Stack) -> None:
    payment = (await requested(stack))["payment"]
    reply = await stack.api.post(f"/api/orders/{payment['orderId']}/cancel", {})
    assert (reply.status, reply["status"]) == (200, "CANCELED")


@pytest.mark.parametrize(
    ("means", "by", "word", "status"),
    [
        ("card", "CARD", "카드", "completed"),
        ("transfer", "TRANSFER", "계좌이체", "completed"),
        ("virtual_account", "VIRTUAL_ACCOUNT", "가상계좌", "pending"),
        ("mobile", "MOBILE_PHONE", "휴대폰", "completed"),
    ],
)
async def test_f7_fl14_each_means_of_payment_goes_from_end_to_end(
    stack: Stack, means: str, by: str, word: str, status: str
) -> None:
    body = await stack.ready_to_confirm(by=by, paymentMethod=means)
    paid = (await stack.api.post("/payments/confirm", body))["payment"]
    assert (paid["paymentMethod"], paid["method"], paid["status"]) == (means, word, status)
    assert (paid["virtualAccount"] is not None) == (means == "virtual_account")


async def test_er1_er2_er7_a_refusal_has_code_and_message_in_two_languages(stack: Stack) -> None:
    for language, words in (("ko", "잘못된 요청입니다"), ("en", "request")):
        reply = await stack.api.post("/payments/request", {"amount": "x"}, headers={"Accept-Language": language})
        assert (reply.status, reply["code"]) == (400, "INVALID_REQUEST")
        assert words in reply["message"]


async def test_er2_er3_what_toss_calls_wrong_is_told_beside_our_own_code(stack: Stack) -> None:
    missing = await stack.api.get("/payments/6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001")
    assert (missing.status, missing["code"]) == (404, "PAYMENT_NOT_FOUND")
    await refuse(stack, CONFIRM, "INVALID_REQUEST", 400)
    reply = await stack.api.post("/payments/confirm", await stack.ready_to_confirm())
    assert (reply.status, reply["code"], reply["providerCode"]) == (422, "PAYMENT_REFUSED", "INVALID_REQUEST"), reply


async def test_er3_what_toss_does_not_find_is_told_in_its_word(stack: Stack) -> None:
    payment = await stack.paid()
    await refuse(stack, f"/v1/payments/{payment['paymentKey']}/cancel", "NOT_FOUND_PAYMENT", 404)
    reply = await refund(stack, payment)
    assert (reply["code"], reply["providerCode"]) == ("PAYMENT_REFUSED", "NOT_FOUND_PAYMENT"), reply


@pytest.mark.parametrize(
    ("code", "status"), [("ALREADY_PROCESSED_PAYMENT", 400), ("PROVIDER_ERROR", 400)], ids=["er4", "er5"]
)
async def test_er4_er5_words_that_do_not_say_whether_money_moved_become_the_truth(
    app: App, code: str, status: int
) -> None:
    order = await app.order()
    key = await app.window(order)
    await refuse(app.stack, CONFIRM, code, status)
    reply = await app.confirm(order, key)
    assert reply.status in (200, 202), reply

    async def paid() -> bool:
        return bool((await app.get(f"/api/orders/{order['id']}"))["status"] == "PAID")

    await app.stack.eventually(paid)


async def test_er6_a_card_that_is_declined_says_tosss_own_sentence(stack: Stack) -> None:
    await refuse(stack, CONFIRM, "EXCEED_MAX_CARD_INSTALLMENT_PLAN", 400)
    reply = await stack.api.post("/payments/confirm", await stack.ready_to_confirm())
    assert (reply.status, reply["code"]) == (402, "PAYMENT_DECLINED")
    assert reply["providerCode"] == "EXCEED_MAX_CARD_INSTALLMENT_PLAN"
    assert reply["originalMessage"].rstrip(".") in reply["message"]


async def test_er9_a_key_that_toss_refuses_is_told_in_tosss_words(stack: Stack) -> None:
    await refuse(stack, CONFIRM, "INVALID_API_KEY", 400)
    reply = await stack.api.post("/payments/confirm", await stack.ready_to_confirm())
    assert (reply.status, reply["code"], reply["providerCode"]) == (502, "PROVIDER_MISCONFIGURED", "INVALID_API_KEY")
    assert reply["originalMessage"]
