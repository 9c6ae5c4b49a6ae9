"""Answers of Toss's that are odd, late or silent, and what people may decide by them."""

import asyncio
from typing import Any

import pytest

from tests.conftest import OpenStack
from tests.field.conftest import Shop
from tests.field.proxy import TossProxy
from tests.support.pool import new_key
from tests.support.stack import Reply

KIM = {"operator": "김담당", "reason": "상점관리자에서 확인"}
LEE = {"operator": "이담당", "reason": "같이 확인"}
PAYMENTS = "^/v1/payments/"
READS = "^/v1/payments/[^/]+(/[^/]+)?$"


async def on_the_list(shop: Shop) -> dict[str, Any]:
    """Wait until the one question is on the review list."""
    await shop.stack.rows("UPDATE payment_transactions SET retry_count = 3 WHERE status = 'pending'")

    async def found() -> list[dict[str, Any]]:
        questions: list[dict[str, Any]] = (await shop.api.get("/api/ops/doubtful"))["questions"]
        return questions

    (question,) = await shop.stack.eventually(found)
    return dict(question)


async def decide(shop: Shop, question: dict[str, Any], what: str, by: dict[str, str]) -> Reply:
    path = f"/api/ops/doubtful/questions/{question['attemptId']}/{what}"
    key = await new_key(shop.stack.database_url, name=by["operator"])
    reply: Reply = await shop.api.post(path, by, headers={"Authorization": f"Bearer {key}"})
    return reply


@pytest.mark.parametrize(
    "odd",
    [
        {"easyPay": "토스페이"},
        {"card": "카드", "method": 7, "approvedAt": "어제"},
        {"approvedAt": None, "requestedAt": 5, "receipt": [], "failure": "없음"},
        {"method": "카\x00드", "orderName": "\x00", "metadata": {"\x00": "\x00"}},
        {"vat": 10**30, "suppliedAmount": "많이", "lastTransactionKey": 1, "cancels": "없음"},
        {"virtualAccount": [1], "cashReceipts": {"a": 1}, "cashReceipt": 7, "checkout": True},
    ],
    ids=lambda odd: ",".join(odd),
)
async def test_a_customer_has_paid_whatever_else_is_odd_in_the_answer(shop: Shop, odd: dict[str, Any]) -> None:
    shop.proxy.add(path=PAYMENTS, change=lambda body: body | odd)
    order = await shop.order(15_000)
    reply = await shop.confirm(order, await shop.window(order))
    assert (reply.status, reply["payment"]["status"], reply["payment"]["balanceAmount"]) == (200, "DONE", 15_000), reply
    assert await shop.order_status(order["orderNo"]) == "PAID"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body | {"cancels": "하나"},
        lambda body: body | {"cancels": [7]},
        lambda body: body | {"cancels": [{**body["cancels"][0], "transactionKey": 7, "canceledAt": "어제"}]},
        lambda body: body | {"cancels": [{**body["cancels"][0], "cancelAmount": "오천", "cancelReason": 7}]},
        lambda body: (
            body | {"cancels": [{**body["cancels"][0], "canceledAt": 5, "taxFreeAmount": [], "receiptKey": 1}]}
        ),
    ],
)
async def test_a_refund_is_booked_once_whatever_is_odd_in_the_list_of_cancels(shop: Shop, spoil: Any) -> None:
    payment = await shop.paid(20_000)
    shop.proxy.add(path=PAYMENTS, change=spoil)
    refund = {"refundReason": "고객", "refundAmount": 5_000}
    reply = await shop.api.post(f"/payments/{payment['id']}/refund", refund)
    assert (reply.status, reply["payment"]["refundedAmount"]) == (200, 5_000), reply
    await shop.api.get(f"/payments/{payment['id']}/status")
    (cancel,) = await shop.stack.rows("SELECT cancel_amount, cancel_status FROM payment_cancels")
    assert (cancel["cancel_amount"], cancel["cancel_status"]) == (5_000, "DONE")


async def test_a_deposit_counts_though_the_account_cannot_be_read(shop: Shop) -> None:
    shop.proxy.add(path="^/v1/", change=lambda body: body | {"virtualAccount": "국민 123", "approvedAt": 7})
    order = await shop.order(15_000)
    issued = await shop.api.post(
        "/api/payments/toss/virtual-accounts", {"orderId": order["orderNo"], "bank": "06", "customerName": "박토스"}
    )
    assert issued.status == 201, issued
    await shop.stack.toss.post(f"/sandbox/virtual-accounts/{order['orderNo']}/deposit")

    async def handed_over() -> bool:
        return await shop.order_status(order["orderNo"]) == "PAID" and bool(
            await shop.stack.rows("SELECT FROM orders WHERE paid_told_at IS NOT NULL")
        )

    await shop.stack.eventually(handed_over)
    row = await shop.stack.row("SELECT deposited_at FROM payments")
    assert row["deposited_at"] is not None, "the hold of a deposit has been kept"


UNFIT: list[tuple[dict[str, Any], str]] = [
    ({"currency": "USD"}, "currency"),
    ({"totalAmount": 14_000, "balanceAmount": 14_000}, "totalAmount"),
    ({"totalAmount": "많이"}, "totalAmount"),
    ({"balanceAmount": None}, "balanceAmount"),
    ({"currency": {"code": "KRW"}}, "currency"),
]


@pytest.mark.parametrize(("odd", "field"), UNFIT, ids=str)
async def test_a_customer_charged_for_what_fits_no_order_is_not_lost_and_gets_the_money_back(
    shop: Shop, odd: dict[str, Any], field: str
) -> None:
    def spoil(body: dict[str, Any]) -> dict[str, Any]:
        # What is left falls to nothing with a cancel, in whatever form it is told.
        gone = {"balanceAmount": 0} if body["status"] == "CANCELED" and odd.get("balanceAmount") else {}
        return body | odd | gone

    shop.proxy.add(path=PAYMENTS, change=spoil)
    order = await shop.order(15_000)
    key = await shop.window(order)
    assert (await shop.confirm(order, key)).status == 202
    question = await on_the_list(shop)
    assert field in question["message"], "which field it was"
    assert question["nextStep"] == "wait", "it does not succeed by itself"
    for person in (KIM, LEE):
        refused = await decide(shop, question, "mark-failed", person)
        assert (refused.status, refused["code"]) == (409, "TOSS_SAYS_OTHERWISE"), refused
        assert "DONE" in refused["message"]
    before = await shop.stack.row("SELECT balance_amount, total_amount, status FROM payments")
    done = await decide(shop, question, "cancel", KIM)
    assert (done.status, done["settled"]) == (200, True), done
    assert (await shop.at_toss(key))["status"] == "CANCELED"
    assert await shop.stack.row("SELECT balance_amount, total_amount, status FROM payments") == before
    desk = await shop.api.get("/api/ops/doubtful")
    assert (desk["questions"], desk["strays"]) == ([], [])


async def test_a_cancel_that_toss_refuses_stays_on_the_list(shop: Shop) -> None:
    shop.proxy.add(path=PAYMENTS, change=lambda body: body | {"currency": "USD"})
    order = await shop.order(15_000)
    key = await shop.window(order)
    await shop.confirm(order, key)
    question = await on_the_list(shop)
    refusal = (403, {"code": "NOT_CANCELABLE_PAYMENT", "message": "취소할 수 없습니다"})
    rule = shop.proxy.add(method="POST", path=f"/v1/payments/{key}/cancel", answer=refusal)
    assert (await decide(shop, question, "cancel", KIM)).status == 422
    (stray,) = (await shop.api.get("/api/ops/doubtful"))["strays"]
    assert (stray["reason"], stray["paymentKey"], stray["lastError"]) == ("UNFIT", key, "PAYMENT_REFUSED")
    shop.proxy.remove(rule)
    back = await shop.api.post(f"/api/ops/doubtful/strays/{stray['id']}/cancel", KIM)
    assert back.status == 200, back
    assert back["returnedAt"] is not None
    assert (await shop.at_toss(key))["status"] == "CANCELED"


async def test_what_toss_shows_for_another_order_is_not_cancelled(shop: Shop) -> None:
    order = await shop.order(15_000)
    key = await shop.window(order)
    shop.proxy.add(method="POST", path="/v1/payments/confirm", answer=(500, {"code": "UNKNOWN_ERROR", "message": "-"}))
    await shop.confirm(order, key)
    other = {"paymentKey": key, "status": "DONE", "orderId": 7, "currency": "KRW", "totalAmount": 1, "balanceAmount": 1}
    shop.proxy.add(method="GET", path=READS, answer=(200, other))
    question = await on_the_list(shop)
    refused = await decide(shop, question, "cancel", KIM)
    assert (refused.status, refused["code"]) == (409, "APPROVED_FOR_ANOTHER_ORDER"), refused
    assert shop.proxy.asked("/cancel$") == []


async def test_people_who_are_wrong_do_not_lose_a_payment(shop: Shop) -> None:
    order = await shop.order(15_000)
    key = await shop.window(order)
    await shop.lose_webhooks()
    failing = shop.proxy.add(method="POST", path="/confirm", answer=(500, {"code": "UNKNOWN_ERROR", "message": "-"}))
    assert (await shop.confirm(order, key)).status == 202
    question = await on_the_list(shop)
    assert (await decide(shop, question, "mark-failed", KIM)).status == 202
    silent = shop.proxy.add(method="GET", path=READS, answer=(500, {"code": "UNKNOWN_ERROR", "message": "-"}))
    unheard = await decide(shop, question, "mark-failed", LEE)
    assert (unheard.status, unheard["code"]) == (503, "TOSS_NOT_HEARD"), unheard
    shop.proxy.remove(silent)
    question = await on_the_list(shop)
    if question["decisions"] == []:  # the resolver has asked with a new key meanwhile
        await decide(shop, question, "mark-failed", KIM)
    done = await decide(shop, question, "mark-failed", LEE)
    assert done.status == 200, done
    shop.proxy.remove(failing)
    told = {"paymentKey": key, "orderId": order["orderNo"], "amount": order["amount"]}
    assert (await shop.stack.toss.post("/v1/payments/confirm", told)).status == 200
    (row,) = await shop.stack.rows("SELECT look_again_at FROM payments")
    assert row["look_again_at"] is not None
    await shop.stack.rows("UPDATE payments SET look_again_at = now()")

    async def paid() -> bool:
        return await shop.order_status(order["orderNo"]) == "PAID"

    await shop.stack.eventually(paid)


async def due_soon(shop: Shop) -> None:
    """Have a question taken up now that would wait: a confirm whose window is over is asked about ever more rarely."""
    await shop.stack.rows(
        "UPDATE payment_transactions SET resolve_by = now() WHERE status = 'pending' AND resolve_by > now() + '9 s'"
    )


@pytest.mark.parametrize("code", ["NOT_FOUND_MERCHANT", "NOT_FOUND_MERCHANT_INTEGRATION", "NOT_FOUND", "BRAND_NEW"])
async def test_a_404_that_is_not_about_the_payment_fails_nothing(shop: Shop, code: str) -> None:
    order = await shop.order(15_000)
    key = await shop.window(order)
    await shop.lose_webhooks()
    await shop.stack.fault(kind="drop_reply", path="/v1/payments/confirm")
    reads = shop.proxy.add(method="GET", path=READS, answer=(404, {"code": code, "message": "-"}))
    assert (await shop.confirm(order, key)).status == 202
    await shop.stack.rows(
        "UPDATE payment_transactions SET created_at = created_at - interval '12 minutes', resolve_by = now() "
        "WHERE status = 'pending'"
    )
    before = reads.hits

    async def read_twice() -> bool:
        await due_soon(shop)
        return reads.hits >= before + 2

    await shop.stack.eventually(read_twice)
    (attempt,) = await shop.stack.rows("SELECT status FROM payment_transactions WHERE type = 'payment_confirmation'")
    assert attempt["status"] == "pending"
    shop.proxy.remove(reads)

    async def paid() -> bool:
        await due_soon(shop)
        return await shop.order_status(order["orderNo"]) == "PAID"

    await shop.stack.eventually(paid)


async def test_eighty_customers_who_confirm_at_once_at_a_slow_toss_are_all_served(
    open_stack: OpenStack, proxy: TossProxy
) -> None:
    stack = await open_stack(TOSS_PAYMENTS_BASE_URL=proxy.url)
    shop = Shop(stack=stack, proxy=proxy)
    orders = [await shop.order(1_000) for _ in range(80)]
    keys = [await shop.window(order) for order in orders]
    proxy.add(method="POST", path="/v1/payments/confirm", delay_s=7)
    replies = await asyncio.gather(*(shop.confirm(order, key) for order, key in zip(orders, keys, strict=True)))
    assert {reply.status for reply in replies} <= {200, 202}

    async def all_paid() -> bool:
        return not await stack.rows("SELECT FROM orders WHERE status <> 'PAID'")

    await stack.eventually(all_paid, within_s=60)


async def test_a_row_of_tosss_books_that_cannot_be_read_hides_no_other(shop: Shop) -> None:
    first, second = await shop.paid(10_000), await shop.paid(20_000)
    shop.proxy.add(path="^/v1/transactions", change=lambda rows: [rows[0] | {"amount": "많이"}, *rows[1:], "줄"])
    found = await shop.api.get("/api/payments/toss/transactions")
    assert found.status == 200, found
    keys = {first["paymentKey"], second["paymentKey"]}
    assert len(found["transactions"]) == 1
    assert {row["paymentKey"] for row in found["transactions"]} < keys
    assert found["unreadable"] == 2


async def test_the_review_list_is_read_to_its_end(shop: Shop) -> None:
    for number in range(7):
        await shop.stack.rows(
            "INSERT INTO webhook_events (id, digest, event_type, verdict, status, reason, headers, body, repeats, "
            "received_at, processed_at) VALUES (gen_random_uuid(), decode(md5($1), 'hex'), 'x', 'signed', 'parked', "
            "'UNKNOWN_ORDER', '{}', '{}', 0, now(), now())",
            str(number),
        )
    for _ in range(3):
        await shop.paid(1_000)
    await shop.stack.rows("UPDATE orders SET fulfilment_status = 'BLOCKED', fulfilment_kind = 'event'")
    seen: list[str] = []
    cursor = ""
    for _ in range(10):
        page = await shop.api.get(f"/api/ops/doubtful?limit=2{cursor}")
        assert page.status == 200, page
        seen += [left["id"] for left in page["leftovers"]]
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert (len(seen), len(set(seen))) == (10, 10)
    await shop.stack.rows("UPDATE orders SET fulfilment_status = 'NONE', fulfilment_kind = 'none'")
    assert (await shop.api.get("/api/ops/doubtful?cursor=x")).status == 400
