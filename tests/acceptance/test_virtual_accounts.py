"""Virtual accounts: issued, paid, taken back by the bank, past due, refunded; with what Toss does not tell."""

import secrets
from typing import Any

import pytest

from tests.conftest import OpenStack
from tests.support.stack import Reply, Stack

CAPSULE = {"kind": "time_capsule", "timeOption": "1_YEAR", "headcount": 2, "title": "열 해 뒤"}
ACCOUNT = {"bank": "국민은행", "customerName": "박토스"}
REFUND_ACCOUNT_NUMBER = "98765432101234"
REFUND_TO = {"bank": "KOOKMIN", "accountNumber": REFUND_ACCOUNT_NUMBER, "holderName": "박토스"}


@pytest.fixture
async def stack(open_stack: OpenStack) -> Stack:
    """A stack in which a deposit is held for two seconds, and a lost answer is found out after one."""
    return await open_stack(PAYWON_DEPOSIT_HOLD_S="2", PAYWON_RESOLVE_AFTER_S="1", PAYWON_TOSS_READ_TIMEOUT_S="2")


async def place(stack: Stack, **changes: Any) -> dict[str, Any]:
    wish = {"orderName": "타임캡슐", "amount": 12_000, "userId": "user-7", "fulfilment": CAPSULE}
    reply = await stack.api.post("/api/orders", {**wish, **changes})
    assert reply.status == 201, reply
    order: dict[str, Any] = reply.body
    return order


async def issue(stack: Stack, order: dict[str, Any], **changes: Any) -> Reply:
    body = {"orderId": order["orderNo"], "amount": order["amount"], **ACCOUNT, **changes}
    return await stack.api.post("/api/payments/toss/virtual-accounts", body)


async def bank_does(stack: Stack, order: dict[str, Any], what: str, **body: Any) -> None:
    reply = await stack.toss.post(f"/sandbox/virtual-accounts/{order['orderNo']}/{what}", body)
    assert reply.status == 200, reply


async def order_is(stack: Stack, order: dict[str, Any], status: str, fulfilment: str) -> dict[str, Any]:
    """Wait until an order and its fulfilment are so; answer the order."""

    async def seen() -> dict[str, Any] | None:
        shown: dict[str, Any] = (await stack.api.get(f"/api/orders/{order['id']}")).body
        return shown if (shown["status"], shown["fulfilment"]["status"]) == (status, fulfilment) else None

    found: dict[str, Any] = await stack.eventually(seen)
    return found


async def test_an_account_is_issued_paid_held_and_fulfilled(stack: Stack) -> None:
    order = await place(stack)
    issued = await issue(stack, order, cashReceipt={"type": "소득공제", "registrationNumber": "01012345678"})
    assert issued.status == 201, issued
    payment = issued["payment"]
    assert (payment["status"], payment["simpleStatus"], payment["method"]) == (
        "WAITING_FOR_DEPOSIT",
        "pending",
        "가상계좌",
    )
    account = payment["virtualAccount"]
    assert (account["bankCode"], account["expired"]) == ("06", False)
    assert account["accountNumber"].startswith("X")
    assert account["dueDate"]
    assert issued["order"]["status"] == "PENDING_PAYMENT"
    assert (await issue(stack, order))["payment"]["paymentKey"] == payment["paymentKey"], "one account for one order"

    await bank_does(stack, order, "deposit")
    held = await order_is(stack, order, "PAID", "WAITING")
    assert held["fulfilment"]["reason"] == "DEPOSIT_HELD"
    assert held["fulfilment"]["capsuleId"] is None
    done = await order_is(stack, order, "PAID", "FULFILLED")
    assert done["fulfilment"]["capsuleId"] is not None
    assert done["fulfilment"]["reason"] is None
    last_read = (await stack.rows("SELECT * FROM payment_transactions WHERE actor = 'system:watch'"))[-1]
    assert last_read["status"] == "success", "a fresh read came before the capsule"
    shown = (await stack.api.get(f"/api/payments/toss/{payment['paymentKey']}"))["payment"]
    assert shown["cashReceipts"], "the receipt that came with the deposit is stored"


async def test_seed_1s_virtual_account_through_the_window(stack: Stack) -> None:
    requested = await stack.request_payment(paymentMethod="virtual_account")
    payment = requested["payment"]
    await stack.authenticate(payment["paymentKey"], method="VIRTUAL_ACCOUNT", bank="06", customerName="박토스")
    told = {"paymentKey": payment["paymentKey"], "orderId": payment["orderId"], "amount": payment["amount"]}
    confirmed = await stack.api.post("/payments/confirm", told)
    assert (confirmed.status, confirmed["payment"]["status"]) == (200, "pending")
    assert confirmed["payment"]["virtualAccount"]["accountNumber"]
    await bank_does(stack, {"orderNo": payment["orderId"]}, "deposit")

    async def completed() -> bool:
        return bool((await stack.api.get(f"/payments/{payment['id']}"))["status"] == "completed")

    await stack.eventually(completed)


async def test_a_bank_takes_a_deposit_back_and_the_customer_pays_again(stack: Stack) -> None:
    order = await place(stack)
    await issue(stack, order)
    await bank_does(stack, order, "deposit")
    first = await order_is(stack, order, "PAID", "FULFILLED")

    await bank_does(stack, order, "reverse")
    back = await order_is(stack, order, "PENDING_PAYMENT", "REVERSED")
    assert back["fulfilment"]["reason"] == "DEPOSIT_REVERSED"
    assert (await stack.row("SELECT status FROM capsules"))["status"] == "CANCELED"

    await bank_does(stack, order, "deposit")
    again = await order_is(stack, order, "PAID", "FULFILLED")
    assert again["fulfilment"]["capsuleId"] == first["fulfilment"]["capsuleId"], "an order has one capsule"
    capsule = await stack.row("SELECT status, canceled_at FROM capsules")
    assert (capsule["status"], capsule["canceled_at"]) == ("LOCKED", None)


async def test_a_deposit_that_is_taken_back_within_the_hold_hands_nothing_over(open_stack: OpenStack) -> None:
    stack = await open_stack(PAYWON_DEPOSIT_HOLD_S="3")
    order = await place(stack)
    await issue(stack, order)
    await bank_does(stack, order, "deposit")
    await order_is(stack, order, "PAID", "WAITING")
    # Not even the bank's second thought reaches us: the read at the hold's end finds it out.
    await stack.fault(kind="lose", times=5)
    await bank_does(stack, order, "reverse")
    await order_is(stack, order, "PENDING_PAYMENT", "REVERSED")
    assert await stack.rows("SELECT id FROM capsules") == []


async def test_past_due_is_found_without_a_word_from_toss(stack: Stack) -> None:
    order = await place(stack)
    await issue(stack, order, validHours=1)
    due = await stack.row("SELECT look_again_at - requested_at AS after FROM payments")
    assert 3600 <= due["after"].total_seconds() <= 3700, "it will be looked at when it is due"
    await stack.toss.post("/sandbox/clock/advance", {"seconds": 3700})
    # Our own clock cannot be moved here; the time for the look is.
    await stack.rows("UPDATE payments SET look_again_at = now()")
    expired = await order_is(stack, order, "EXPIRED", "WAITING")
    payment = await stack.row("SELECT status, virtual_account, look_again_at FROM payments")
    assert (payment["status"], payment["virtual_account"]["expired"]) == ("WAITING_FOR_DEPOSIT", True)
    assert payment["look_again_at"] is None
    late = await issue(stack, expired)
    assert (late.status, late["code"]) == (409, "ORDER_EXPIRED")


async def test_a_refund_needs_an_account_and_keeps_none(stack: Stack) -> None:
    order = await place(stack)
    issued = await issue(stack, order)
    await bank_does(stack, order, "deposit")
    await order_is(stack, order, "PAID", "FULFILLED")
    key = issued["payment"]["paymentKey"]
    cancel = f"/api/payments/toss/{key}/cancel"
    refused = await stack.api.post(cancel, {"cancelReason": "변심"})
    assert (refused.status, refused["code"], refused["field"]) == (
        422,
        "REFUND_ACCOUNT_REQUIRED",
        "refundReceiveAccount",
    )
    # The connection breaks before Toss does anything: only a repeat, with the account, can finish it.
    await stack.fault(kind="reset", path=f"/v1/payments/{key}/cancel")
    asked = await stack.api.post(cancel, {"cancelReason": "변심", "refundReceiveAccount": REFUND_TO})
    assert asked.status == 202, asked
    await order_is(stack, order, "REFUNDED", "REVERSED")
    sent = await stack.toss_requests(f"/v1/payments/{key}/cancel")
    assert [entry["body"]["refundReceiveAccount"]["accountNumber"] for entry in sent] == [REFUND_ACCOUNT_NUMBER] * 2
    assert sent[0]["idempotencyKey"] == sent[1]["idempotencyKey"]
    await _nowhere_in_the_database(stack, REFUND_ACCOUNT_NUMBER)
    assert await stack.rows("SELECT id FROM payment_transactions WHERE sealed_request IS NOT NULL") == []


async def test_a_refund_is_followed_until_the_bank_has_paid_it_out(stack: Stack) -> None:
    order = await place(stack)
    issued = await issue(stack, order)
    await bank_does(stack, order, "deposit")
    await order_is(stack, order, "PAID", "FULFILLED")
    await bank_does(stack, order, "refund", outcome="FAILED")
    cancel = f"/api/payments/toss/{issued['payment']['paymentKey']}/cancel"
    done = await stack.api.post(cancel, {"cancelReason": "변심", "refundReceiveAccount": REFUND_TO})
    assert (done.status, done["payment"]["virtualAccount"]["refundStatus"]) == (200, "PENDING")
    assert (await stack.row("SELECT look_again_at FROM payments"))["look_again_at"] is not None
    await stack.toss.post("/sandbox/clock/advance", {"seconds": 3 * 86_400})

    async def followed() -> bool:
        # Again each time: a webhook's read that was under way puts the next look off by hours.
        await stack.rows("UPDATE payments SET look_again_at = now() WHERE look_again_at > now() + interval '1 hour'")
        row = await stack.row("SELECT virtual_account, look_again_at FROM payments")
        return row["virtual_account"]["refundStatus"] == "FAILED" and row["look_again_at"] is None

    await stack.eventually(followed)


@pytest.mark.parametrize("kind", ["drop_reply", "reset"])
async def test_a_lost_answer_to_the_issue_leads_to_one_account(stack: Stack, kind: str) -> None:
    order = await place(stack)
    await stack.fault(kind=kind, path="/v1/virtual-accounts")
    asked = await issue(stack, order)
    assert (asked.status, asked["payment"]["openRequest"]) == (202, "virtual_account_issue")
    assert asked.headers["location"] == f"/api/payments/toss/orders/{order['orderNo']}"

    async def issued() -> bool:
        shown = (await stack.api.get(asked.headers["location"]))["payment"]
        return shown["openRequest"] is None and shown["status"] == "WAITING_FOR_DEPOSIT"

    await stack.eventually(issued)
    keys = {entry["idempotencyKey"] for entry in await stack.toss_requests("/v1/virtual-accounts")}
    assert len(keys) == 1


async def test_while_a_deposit_is_awaited_nothing_else_pays_the_order(stack: Stack) -> None:
    order = await place(stack)
    issued = await issue(stack, order)
    other_bank = await issue(stack, order, bank="신한")
    assert (other_bank.status, other_bank["code"]) == (409, "DEPOSIT_AWAITED")
    told = {"paymentKey": "tgen_20260101000000abcd", "orderId": order["orderNo"], "amount": 12_000}
    confirmed = await stack.api.post("/api/payments/toss/confirm", told)
    assert (confirmed.status, confirmed["code"]) == (409, "DEPOSIT_AWAITED")
    assert await stack.toss_requests("/v1/payments/confirm") == []

    cancel = f"/api/payments/toss/{issued['payment']['paymentKey']}/cancel"
    canceled = await stack.api.post(cancel, {"cancelReason": "다른 수단으로"})
    assert (canceled.status, canceled["payment"]["simpleStatus"], canceled["order"]["status"]) == (
        200,
        "cancelled",
        "CANCELED",
    )


async def test_a_deposit_callback_has_to_know_the_secret(stack: Stack) -> None:
    order = await place(stack)
    await issue(stack, order)
    forged = {
        "createdAt": "2026-11-22T00:00:00.000000",
        "secret": "ps_guessed",
        "status": "DONE",
        "transactionKey": secrets.token_hex(16).upper(),
        "orderId": order["orderNo"],
    }
    refused = await stack.api.post("/payments/webhook", forged)
    assert (refused.status, refused["code"]) == (401, "WEBHOOK_REJECTED")
    kept = await stack.row(
        "SELECT status, verdict FROM webhook_events WHERE body ->> 'transactionKey' = $1", forged["transactionKey"]
    )
    assert (kept["status"], kept["verdict"]) == ("rejected", "rejected")
    await _nowhere_in_the_database(stack, "ps_guessed")

    await bank_does(stack, order, "deposit")
    await order_is(stack, order, "PAID", "FULFILLED")
    matched = await stack.rows(
        "SELECT id FROM webhook_events WHERE event_type = 'DEPOSIT_CALLBACK' AND verdict = 'secret_matched'"
        " AND status = 'processed'"
    )
    assert len(matched) >= 1


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"bank": "달나라은행"}, 422, "UNKNOWN_BANK", "bank"),
        ({"amount": 1}, 422, "AMOUNT_MISMATCH", "amount"),
        ({"orderId": "ORD-NOWHERE-1"}, 404, "ORDER_NOT_FOUND", "orderId"),
        ({"validHours": 2161}, 400, "INVALID_REQUEST", "validHours"),
        ({"validHours": 24, "dueDate": "2027-01-01T00:00:00+09:00"}, 422, "DUE_DATE_TWICE", "dueDate"),
        ({"dueDate": "2020-01-01T00:00:00+09:00"}, 422, "DUE_DATE_OUT_OF_RANGE", "dueDate"),
        ({"cashReceipt": {"type": "아무거나"}}, 400, "INVALID_REQUEST", "cashReceipt.type"),
    ],
)
async def test_bad_wishes(stack: Stack, changes: dict[str, Any], status: int, code: str, field: str) -> None:
    order = await place(stack)
    refused = await issue(stack, order, **changes)
    assert (refused.status, refused["code"], refused["field"]) == (status, code, field)
    assert await stack.toss_requests("/v1/virtual-accounts") == []


async def _nowhere_in_the_database(stack: Stack, text: str) -> None:
    """Look for a text in every row of every table of ours."""
    tables = await stack.rows("SELECT relname FROM pg_stat_user_tables WHERE relname NOT LIKE 'pgqueuer%'")
    for name in [table["relname"] for table in tables]:
        for row in await stack.rows(f"SELECT t::text AS whole FROM {name} t"):  # noqa: S608
            assert text not in row["whole"], name
            assert text.encode().hex() not in row["whole"], name
    for log in stack.folder.glob("*.log"):
        assert text.encode() not in log.read_bytes()
