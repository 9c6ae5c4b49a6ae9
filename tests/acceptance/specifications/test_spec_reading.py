"""Specification 1, 1.7, 1.10 and 1.13: reading, the trail, the status that is fresh for a minute."""

from uuid import uuid4

from tests.acceptance.specifications.steps import refund, requested
from tests.support.stack import Http, Stack


async def test_g1_a_payment_is_read_by_its_id_and_nothing_else(stack: Stack) -> None:
    payment = (await requested(stack))["payment"]
    own = await stack.api.get(f"/payments/{payment['id']}")
    assert (own.status, own["id"]) == (200, payment["id"])
    unknown, no_id = await stack.api.get(f"/payments/{uuid4()}"), await stack.api.get("/payments/nobody")
    assert [(each.status, each["code"]) for each in (unknown, no_id)] == [
        (404, "PAYMENT_NOT_FOUND"),
        (404, "NOT_FOUND"),
    ]


async def test_g2_f4_o3_the_history_of_a_user_is_paged(stack: Stack) -> None:
    user = str(uuid4())
    made = [(await requested(stack, userId=user))["payment"]["id"] for _ in range(3)]
    await requested(stack)
    reply = await stack.api.get(f"/payments?userId={user}&page=1&limit=20")
    assert set(reply.body) == {"payments", "total", "page", "limit", "nextCursor"}
    assert [each["id"] for each in reply["payments"]] == made[::-1]
    assert (await stack.api.get(f"/payments?userId={user}&status=pending"))["total"] == 3
    assert (await stack.api.get(f"/payments?userId={user}&status=completed"))["total"] == 0


async def test_g3_the_printed_read_needs_a_key(stack: Stack, stranger: Http) -> None:
    payment = (await requested(stack))["payment"]
    for path in ("/payments?userId=uuid&page=1&limit=20", f"/payments/{payment['id']}"):
        reply = await stranger.get(path)
        assert (reply.status, reply["code"]) == (401, "UNAUTHENTICATED")


async def test_o4_payments_of_a_resource_are_found(stack: Stack) -> None:
    room = str(uuid4())
    payment = (await requested(stack, resourceId=room))["payment"]
    await requested(stack)
    found = await stack.api.get(f"/payments?resourceType=booking&resourceId={room}")
    assert ([each["id"] for each in found["payments"]], found["total"]) == ([payment["id"]], 1)


async def test_g4_f4_f8_pc8_each_question_and_each_webhook_is_on_the_trail(stack: Stack) -> None:
    payment = await stack.paid()
    assert (await refund(stack, payment, refundAmount=1_000)).status == 200
    path = f"/payments/{payment['id']}/transactions"

    async def webhook_is_told() -> bool:
        rows = (await stack.api.get(path))["transactions"]
        return any(row["type"] == "webhook_received" for row in rows)

    await stack.eventually(webhook_is_told)
    reply = await stack.api.get(path)
    assert set(reply.body) == {"transactions", "nextCursor"}
    asked = [row for row in reply["transactions"] if row["type"] not in ("webhook_received", "status_read")]
    assert [row["type"] for row in asked] == ["payment_request", "payment_confirmation", "refund_request"]
    for row in asked:
        assert row["requestData"] and row["responseData"] and row["processingTimeMs"] >= 0
        assert (row["status"], row["httpStatus"], row["actor"]) == ("success", 200, "key:test")
        assert row["ipAddress"] and row["userAgent"]
    chained = await stack.rows("SELECT FROM payment_transactions WHERE chain_hash IS NULL")
    assert chained == [], "each row is chained as it closes"


async def test_f10_o1_pc5_the_status_is_fresh_from_toss_once_a_minute(stack: Stack) -> None:
    payment = await stack.paid()
    path = f"/payments/{payment['id']}/status"
    replies = [await stack.api.get(path) for _ in range(3)]
    assert [reply.headers["paywon-cache"] for reply in replies] == ["miss", "hit", "hit"]
    assert {(reply["status"], reply["live"]) for reply in replies} == {("completed", True)}
    assert replies[-1]["checkedAt"] and "age" in replies[-1].headers


async def test_cl6_a_receipt_is_there_once_it_is_paid_and_404_before(stack: Stack) -> None:
    waiting, payment = (await requested(stack))["payment"], await stack.paid()
    assert (await stack.api.get(f"/payments/{waiting['id']}/receipt")).status == 404
    reply = await stack.api.get(f"/payments/{payment['id']}/receipt")
    assert (reply.status, reply["receiptUrl"]) == (200, payment["receiptUrl"])


async def test_cl1_cl5_the_front_end_finds_each_value_under_its_name_here(stack: Stack) -> None:
    payment = await stack.paid()
    shown = (await stack.api.get(f"/payments/{payment['id']}")).body
    assert shown["approvedAt"] and shown["paymentKey"] and shown["virtualAccount"] is None
    theirs = {"completedAt", "transactionId", "refundedAt", "virtualAccountNumber", "virtualAccountBank"}
    assert theirs.isdisjoint(shown)
    assert (await requested(stack))["checkoutUrl"].startswith("http")
