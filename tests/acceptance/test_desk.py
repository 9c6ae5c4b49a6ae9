"""Money that has to go back, and the desk where people settle what no machine can."""

import unicodedata
from typing import Any

import pytest

from tests.conftest import OpenStack
from tests.support.pool import new_key
from tests.support.stack import Reply, Stack

KIM = {"operator": "김담당", "reason": "상점관리자에서 확인"}
LEE = {"operator": "이담당", "reason": "같이 확인"}
# Kim's name as other keyboards write it, taken apart; and with a sign that nobody sees.
SAME = {"operator": " " + unicodedata.normalize("NFD", "김담당")}
HIDDEN = {"operator": "김담당\u200b"}


@pytest.fixture
async def stack(open_stack: OpenStack) -> Stack:
    return await open_stack(PAYWON_RESOLVE_AFTER_S="1", PAYWON_TOSS_READ_TIMEOUT_S="2", PAYWON_DEPOSIT_HOLD_S="1")


async def place(stack: Stack, **changes: Any) -> dict[str, Any]:
    reply = await stack.api.post("/api/orders", {"orderName": "책", "amount": 9_000, "userId": "user-7", **changes})
    assert reply.status == 201, reply
    order: dict[str, Any] = reply.body
    return order


async def open_window(stack: Stack, order: dict[str, Any]) -> str:
    """Let a customer authenticate in a payment window for our order; answer its paymentKey."""
    window = await stack.toss.post(
        "/sandbox/checkout",
        {
            "orderId": order["orderNo"],
            "orderName": "책",
            "amount": order["amount"],
            "successUrl": f"{stack.api_url}/payments/success",
            "failUrl": f"{stack.api_url}/payments/fail",
        },
    )
    key: str = window["paymentKey"]
    await stack.authenticate(key)
    return key


async def approve_behind_our_back(stack: Stack, order: dict[str, Any], key: str) -> None:
    """Have another system that holds the same secret key confirm a payment of our order."""
    told = {"paymentKey": key, "orderId": order["orderNo"], "amount": order["amount"]}
    reply = await stack.toss.post("/v1/payments/confirm", told)
    assert reply.status == 200, reply


async def returned(stack: Stack, key: str) -> dict[str, Any]:
    """Wait until nothing is left at Toss under a paymentKey; answer its row on the desk."""

    async def gone() -> list[dict[str, Any]]:
        return await stack.rows("SELECT * FROM strays WHERE payment_key = $1 AND returned_at IS NOT NULL", key)

    (stray,) = await stack.eventually(gone)
    at_toss = (await stack.toss.get(f"/v1/payments/{key}")).body
    assert (at_toss["status"], at_toss["balanceAmount"]) == ("CANCELED", 0)
    found: dict[str, Any] = stray
    return found


async def test_money_for_an_expired_order_goes_back_by_itself(stack: Stack) -> None:
    order = await place(stack)
    await stack.rows("UPDATE orders SET status = 'EXPIRED'")
    key = await open_window(stack, order)
    await approve_behind_our_back(stack, order, key)
    stray = await returned(stack, key)
    assert (stray["reason"], stray["balance_amount"]) == ("ORDER_EXPIRED", 0)
    cancel = await stack.row("SELECT * FROM payment_cancels")
    assert (cancel["cancel_amount"], cancel["cancel_status"]) == (9_000, "DONE")
    assert cancel["cancel_reason"] == "주문 기한이 지난 뒤의 결제 자동 취소"
    attempt = await stack.row("SELECT * FROM payment_transactions WHERE type = 'payment_cancellation'")
    assert (attempt["actor"], attempt["status"]) == ("system:return", "success")
    assert (await stack.api.get(f"/api/orders/{order['id']}"))["status"] == "EXPIRED"


async def test_a_lost_answer_to_the_return_is_found_out_too(stack: Stack) -> None:
    order = await place(stack)
    await stack.rows("UPDATE orders SET status = 'EXPIRED'")
    key = await open_window(stack, order)
    await stack.fault(kind="drop_reply", method="POST", path=f"/v1/payments/{key}/cancel")
    await approve_behind_our_back(stack, order, key)
    await returned(stack, key)
    assert len(await stack.toss_requests(f"/v1/payments/{key}/cancel")) == 1


async def test_a_deposit_for_a_closed_order_waits_on_the_desk_for_an_account(stack: Stack) -> None:
    order = await place(stack)
    issued = await stack.api.post(
        "/api/payments/toss/virtual-accounts", {"orderId": order["orderNo"], "bank": "06", "customerName": "박토스"}
    )
    await stack.rows("UPDATE orders SET status = 'EXPIRED'")
    await stack.toss.post(f"/sandbox/virtual-accounts/{order['orderNo']}/deposit")

    async def on_the_desk() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await stack.api.get("/api/ops/doubtful"))["strays"]
        return found

    (stray,) = await stack.eventually(on_the_desk)
    assert (stray["reason"], stray["needsAccount"], stray["returnAt"]) == ("ORDER_EXPIRED", True, None)
    cancel = f"/api/ops/doubtful/strays/{stray['id']}/cancel"
    refused = await stack.api.post(cancel, KIM)
    assert (refused.status, refused["code"]) == (422, "REFUND_ACCOUNT_REQUIRED")
    account = {"bank": "국민은행", "accountNumber": "12345678901", "holderName": "박토스"}
    done = await stack.api.post(cancel, {**KIM, "refundReceiveAccount": account})
    assert (done.status, done["balanceAmount"]) == (200, 0), done
    assert done["returnedAt"] is not None
    assert (await stack.api.post(cancel, KIM)).status == 404
    at_toss = (await stack.toss.get(f"/v1/payments/{issued['payment']['paymentKey']}")).body
    assert at_toss["balanceAmount"] == 0
    decisions = await stack.rows("SELECT * FROM desk_decisions ORDER BY created_at")
    assert {(row["operator"], row["kind"]) for row in decisions} == {("김담당", "cancel_at_toss")}


async def in_doubt(stack: Stack, *, carried_out: bool = True) -> tuple[dict[str, Any], dict[str, Any]]:
    """Have a confirm whose outcome stays unknown, because Toss cannot be read; answer its payment and its doubt."""
    told = await stack.ready_to_confirm()
    kind = {"kind": "drop_reply"} if carried_out else {"kind": "status", "status": 500, "code": "UNKNOWN_ERROR"}
    await stack.fault(**kind, path="/v1/payments/confirm", times=1 if carried_out else 100)
    await stack.fault(kind="status", status=500, code="UNKNOWN_ERROR", method="GET", times=100)
    asked = await stack.api.post("/payments/confirm", told)
    assert asked.status == 202

    async def on_the_desk() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await stack.api.get("/api/ops/doubtful"))["questions"]
        return found

    await stack.rows("UPDATE payment_transactions SET retry_count = 3 WHERE status = 'pending'")
    (doubt,) = await stack.eventually(on_the_desk)
    return asked["payment"], doubt


async def decide(stack: Stack, doubt: dict[str, Any], what: str, by: dict[str, str]) -> Reply:
    return await stack.api.post(f"/api/ops/doubtful/questions/{doubt['attemptId']}/{what}", by)


async def second(stack: Stack, doubt: dict[str, Any], by: dict[str, str], **options: Any) -> Reply:
    """Mark as failed as another person does: with an API key of one's own."""
    key = await new_key(stack.database_url, name=f"key-{by['operator']}")
    path = f"/api/ops/doubtful/questions/{doubt['attemptId']}/mark-failed"
    headers = {"Authorization": f"Bearer {key}"} | options.pop("headers", {})
    return await stack.api.post(path, by, headers=headers, **options)


async def heal(stack: Stack) -> None:
    assert (await stack.toss.send("DELETE", "/sandbox/faults")).status in (200, 204)


async def test_the_desk_shows_the_evidence_and_the_next_step(stack: Stack) -> None:
    payment, doubt = await in_doubt(stack)
    assert (doubt["type"], doubt["orderNo"], doubt["paymentId"]) == (
        "payment_confirmation",
        payment["orderId"],
        payment["id"],
    )
    assert doubt["sent"] == {
        "paymentKey": payment["paymentKey"],
        "orderId": payment["orderId"],
        "amount": payment["amount"],
    }
    assert doubt["nextAt"] is not None
    assert doubt["nextStep"] == "wait", "Toss could not be read"
    assert {"payment_confirmation", "status_read"} >= {answer["type"] for answer in doubt["answers"]}

    async def told_by_webhook() -> bool:
        (shown,) = (await stack.api.get("/api/ops/doubtful"))["questions"]
        return any(told["claims"] == "DONE" for told in shown["webhooks"])

    await stack.eventually(told_by_webhook)
    await heal(stack)
    settled = await decide(stack, doubt, "reread", KIM)
    assert (settled.status, settled["settled"]) == (200, True)
    assert (await stack.api.get(f"/payments/{payment['id']}"))["status"] == "completed"
    assert (await decide(stack, doubt, "reread", KIM)).status == 404


async def test_what_toss_shows_as_done_cannot_be_marked_as_failed(stack: Stack) -> None:
    payment, doubt = await in_doubt(stack)
    assert (await decide(stack, doubt, "mark-failed", KIM)).status == 202
    await heal(stack)
    refused = await second(stack, doubt, LEE)
    assert (refused.status, refused["code"]) in ((409, "TOSS_SAYS_OTHERWISE"), (404, "DOUBT_NOT_FOUND"))
    assert (await stack.api.get(f"/payments/{payment['id']}"))["status"] == "completed"


async def unpaid_at_toss(stack: Stack) -> tuple[dict[str, Any], dict[str, Any]]:
    """Have a confirm in doubt that Toss has not carried out, and can be read about."""
    payment, doubt = await in_doubt(stack, carried_out=False)
    await heal(stack)
    # What would be asked again is not: the question is for people.
    await stack.fault(kind="status", status=500, code="UNKNOWN_ERROR", path="/v1/payments/confirm", times=100)
    return payment, doubt


async def test_marking_as_failed_takes_two_keys_and_toss_still_overrules(stack: Stack) -> None:
    payment, doubt = await unpaid_at_toss(stack)
    proposed = await decide(stack, doubt, "mark-failed", KIM)
    assert (proposed.status, proposed["carriedOutAt"]) == (202, None)
    for alone in (await decide(stack, doubt, "mark-failed", LEE), await second(stack, doubt, {**LEE, **SAME})):
        assert (alone.status, alone["code"], alone["field"]) == (409, "SECOND_OPERATOR_NEEDED", "operator")
    disguised = await second(stack, doubt, {**LEE, **HIDDEN})
    assert (disguised.status, disguised["field"]) == (400, "operator")
    done = await second(stack, doubt, LEE)
    assert (done.status, done["secondedBy"]) == (200, "이담당"), done
    (attempt,) = await stack.rows(
        "SELECT * FROM payment_transactions WHERE type = 'payment_confirmation' AND outcome = 'decided'"
    )
    assert (attempt["status"], attempt["error_code"]) == ("failed", "MARKED_FAILED")
    # Two people were wrong: it is approved after all. No webhook tells of it, and the payment is found.
    await heal(stack)
    await stack.fault(kind="lose", times=0)
    told = {"paymentKey": payment["paymentKey"], "orderId": payment["orderId"], "amount": payment["amount"]}
    assert (await stack.toss.post("/v1/payments/confirm", told)).status == 200
    assert (await stack.row("SELECT look_again_at FROM payments"))["look_again_at"] is not None
    await stack.rows("UPDATE payments SET look_again_at = now() WHERE look_again_at IS NOT NULL")

    async def completed() -> bool:
        return bool((await stack.api.get(f"/payments/{payment['id']}"))["status"] == "completed")

    await stack.eventually(completed)


async def test_nothing_is_marked_as_failed_while_toss_is_not_heard(stack: Stack) -> None:
    payment, doubt = await in_doubt(stack)
    assert (await decide(stack, doubt, "mark-failed", KIM)).status == 202
    refused = await second(stack, doubt, LEE)
    assert (refused.status, refused["code"]) == (503, "TOSS_NOT_HEARD")
    assert (await decide(stack, doubt, "cancel", KIM))["code"] == "TOSS_NOT_HEARD"
    await heal(stack)
    assert (await second(stack, doubt, LEE))["code"] in ("TOSS_SAYS_OTHERWISE", "DOUBT_NOT_FOUND")
    assert (await stack.api.get(f"/payments/{payment['id']}"))["status"] == "completed"


async def test_cancel_at_toss_gives_the_money_back(stack: Stack) -> None:
    payment, doubt = await in_doubt(stack)
    await heal(stack)
    done = await decide(stack, doubt, "cancel", KIM)
    assert done.status == 200, done
    assert (await stack.api.get(f"/payments/{payment['id']}"))["status"] == "refunded"
    at_toss = (await stack.toss.get(f"/v1/payments/{payment['paymentKey']}")).body
    assert at_toss["status"] == "CANCELED"


async def decide_again(stack: Stack, path: str, body: dict[str, Any], *, died: bool, key: str | None = None) -> Reply:
    """Decide, and send the same request again; as after a crash before the first answer was kept, if it ``died``."""
    headers = {"Idempotency-Key": path} | ({"Authorization": f"Bearer {key}"} if key else {})
    first = await stack.api.post(path, body, headers=headers)
    if died:
        await stack.rows(
            "UPDATE idempotency_keys SET status = NULL, sealed_body = NULL, created_at = now() - interval '1 minute'"
        )
    again = await stack.api.post(path, body, headers=headers)
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers.get("idempotent-replayed") == (None if died else "true")
    return again


@pytest.mark.parametrize("died", [False, True])
async def test_a_decision_is_made_once_for_a_key(stack: Stack, died: bool) -> None:
    payment, doubt = await in_doubt(stack)
    question = f"/api/ops/doubtful/questions/{doubt['attemptId']}"
    assert (await decide_again(stack, f"{question}/mark-failed", KIM, died=died)).status == 202
    await heal(stack)
    assert (await decide_again(stack, f"{question}/cancel", KIM, died=died)).status == 200
    decided = await stack.rows("SELECT kind FROM desk_decisions ORDER BY created_at")
    assert [row["kind"] for row in decided] == ["mark_failed", "cancel_at_toss"]
    cancel = f"/v1/payments/{payment['paymentKey']}/cancel"
    assert len(await stack.toss_requests(cancel)) == 1
    assert (await stack.api.get(f"/payments/{payment['id']}"))["status"] == "refunded"


@pytest.mark.parametrize("died", [False, True])
async def test_two_operators_mark_as_failed_once(stack: Stack, died: bool) -> None:
    _, doubt = await unpaid_at_toss(stack)
    mark = f"/api/ops/doubtful/questions/{doubt['attemptId']}/mark-failed"
    await stack.api.post(mark, KIM)
    key = await new_key(stack.database_url, name="lee")
    assert (await decide_again(stack, mark, LEE, died=died, key=key))["secondedBy"] == "이담당"


@pytest.mark.parametrize("died", [False, True])
async def test_a_reread_is_repeated(stack: Stack, died: bool) -> None:
    _, doubt = await in_doubt(stack)
    await heal(stack)
    reread = f"/api/ops/doubtful/questions/{doubt['attemptId']}/reread"
    assert (await decide_again(stack, reread, KIM, died=died))["settled"] is True
    assert len(await stack.rows("SELECT FROM desk_decisions")) == 1


@pytest.mark.parametrize("died", [False, True])
async def test_stray_money_goes_back_once_for_a_key(stack: Stack, died: bool) -> None:
    order = await place(stack)
    await stack.api.post(
        "/api/payments/toss/virtual-accounts", {"orderId": order["orderNo"], "bank": "06", "customerName": "박토스"}
    )
    await stack.rows("UPDATE orders SET status = 'EXPIRED'")
    await stack.toss.post(f"/sandbox/virtual-accounts/{order['orderNo']}/deposit")
    (stray,) = await stack.eventually(lambda: stack.rows("SELECT id FROM strays"))
    account = {"bank": "국민은행", "accountNumber": "12345678901", "holderName": "박토스"}
    cancel = f"/api/ops/doubtful/strays/{stray['id']}/cancel"
    done = await decide_again(stack, cancel, {**KIM, "refundReceiveAccount": account}, died=died)
    assert (done.status, done["balanceAmount"]) == (200, 0)
    assert len(await stack.rows("SELECT FROM desk_decisions")) == 1


async def test_after_three_days_a_question_is_parked_for_a_person(stack: Stack) -> None:
    _, doubt = await in_doubt(stack)
    await stack.rows("UPDATE payment_transactions SET retry_count = 77, resolve_by = now() WHERE status = 'pending'")

    async def parked() -> dict[str, Any] | None:
        (found,) = (await stack.api.get("/api/ops/doubtful"))["questions"]
        return found if found["parkedAt"] else None

    found = await stack.eventually(parked)
    assert (found["nextAt"], found["nextStep"]) == (None, None)
    await heal(stack)
    assert (await decide(stack, doubt, "reread", KIM))["settled"] is True


async def _marked_failed(stack: Stack, attempt_type: str) -> None:
    """Have two people mark the one open question of this kind as failed."""
    await stack.rows("UPDATE payment_transactions SET retry_count = 3 WHERE status = 'pending'")
    found = (await stack.api.get("/api/ops/doubtful"))["questions"]
    (doubt,) = [question for question in found if question["type"] == attempt_type]
    assert (await decide(stack, doubt, "mark-failed", KIM)).status == 202
    done = await second(stack, doubt, LEE)
    assert done.status == 200, done


async def test_marking_as_failed_frees_what_was_reserved_for_it(stack: Stack) -> None:
    """The row of a billing key or of a cash receipt does not go on waiting for a question that is closed."""
    payment = await stack.paid(by="TRANSFER", paymentMethod="transfer")
    await stack.fault(kind="status", status=500, method="POST", path="/v1/cash-receipts", times=100)
    receipts = f"/payments/{payment['id']}/cash-receipts"
    wish = {"type": "소득공제", "customerIdentityNumber": "01012345678"}
    assert (await stack.api.post(receipts, wish)).status == 202
    await _marked_failed(stack, "cash_receipt_issue")
    await heal(stack)
    assert [row["issueStatus"] for row in (await stack.api.get(receipts))["cashReceipts"]] == ["FAILED"]
    again = await stack.api.post(receipts, wish)
    assert again.status == 201, again

    window = await stack.toss.post("/sandbox/billing-auth", {"customerKey": "customer-1"})
    await stack.fault(kind="status", status=500, path="/v1/billing/authorizations/issue", times=100)
    issue = {"authKey": window["authKey"], "customerKey": "customer-1"}
    asked = await stack.api.post("/api/payments/toss/billing/issue", issue)
    assert (asked.status, asked["billingKey"]["status"]) == (202, "ISSUING")
    await _marked_failed(stack, "billing_key_issue")
    key = await stack.api.get(f"/api/payments/toss/billing/{asked['billingKey']['id']}")
    assert (key["billingKey"]["status"], key["billingKey"]["openRequest"]) == ("FAILED", None)
