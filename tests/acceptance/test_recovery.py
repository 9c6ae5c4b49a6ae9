"""A reply or a process is lost; afterwards our books say what Toss says, and nobody was charged twice."""

from typing import Any

import pytest

from tests.conftest import OpenStack
from tests.support.stack import Stack

# Recovery that a person would wait minutes for, in seconds.
QUICK = {"PAYWON_RESOLVE_AFTER_S": "0.5", "PAYWON_ANSWER_BUDGET_S": "1.5", "PAYWON_TOSS_READ_TIMEOUT_S": "3"}


async def _settled(stack: Stack, payment_id: str, status: str) -> None:
    async def arrived() -> bool:
        open_rows = await stack.rows("SELECT FROM payment_transactions WHERE status = 'pending'")
        shown = await stack.api.get(f"/payments/{payment_id}")
        return not open_rows and shown.status == 200 and shown["status"] == status

    await stack.eventually(arrived, within_s=45)


@pytest.mark.parametrize("kind", ["drop_reply", "half_body", "reset"])
async def test_a_confirm_whose_reply_is_lost_is_found_again(open_stack: OpenStack, kind: str) -> None:
    stack = await open_stack(**QUICK)
    confirmation = await stack.ready_to_confirm()
    await stack.fault(path="/v1/payments/confirm", kind=kind)
    reply = await stack.api.post("/payments/confirm", confirmation)
    assert (reply.status, reply["payment"]["status"]) == (202, "in_progress")
    assert reply.headers["location"] == f"/payments/{reply['payment']['id']}"
    await _settled(stack, reply["payment"]["id"], "completed")
    assert len(await stack.rows("SELECT FROM payments WHERE approved_at IS NOT NULL")) == 1


async def test_a_slow_confirm_answers_202_in_time_and_goes_on(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, PAYWON_ANSWER_BUDGET_S="0.5")
    confirmation = await stack.ready_to_confirm()
    await stack.fault(path="/v1/payments/confirm", kind="delay", delayMs=1500)
    reply = await stack.api.post("/payments/confirm", confirmation)
    assert (reply.status, reply["payment"]["status"]) == (202, "in_progress")
    await _settled(stack, reply["payment"]["id"], "completed")
    assert len(await stack.toss_requests("/v1/payments/confirm")) == 1


async def test_a_server_error_leaves_the_payment_open_until_toss_is_read(open_stack: OpenStack) -> None:
    stack = await open_stack(**QUICK)
    confirmation = await stack.ready_to_confirm()
    await stack.fault(path="/v1/payments/confirm", kind="status", status=500, code="FAILED_INTERNAL_SYSTEM_PROCESSING")
    reply = await stack.api.post("/payments/confirm", confirmation)
    assert reply.status == 202
    await _settled(stack, reply["payment"]["id"], "completed")


async def test_a_provider_that_cannot_be_reached_charges_nothing(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, TOSS_PAYMENTS_BASE_URL="http://127.0.0.1:9")
    order = (await stack.api.post("/api/orders", {"orderName": "책", "amount": 9_000, "userId": "u-1"})).body
    body = {"paymentKey": "any_key", "orderId": order["orderNo"], "amount": 9_000}
    reply = await stack.api.post("/api/payments/toss/confirm", body)
    assert (reply.status, reply["code"]) == (503, "PROVIDER_UNAVAILABLE")
    attempt = await stack.row("SELECT status, outcome FROM payment_transactions")
    assert attempt == {"status": "failed", "outcome": "not_sent"}


async def test_a_refund_whose_reply_is_lost_is_found_by_its_cancel(open_stack: OpenStack) -> None:
    stack = await open_stack(**QUICK)
    payment = await stack.paid()
    await stack.fault(path=f"/v1/payments/{payment['paymentKey']}/cancel", kind="drop_reply")
    body = {"refundReason": "일부", "refundAmount": 20_000}
    reply = await stack.api.post(f"/payments/{payment['id']}/refund", body)
    assert (reply.status, reply["payment"]["openRequest"]) == (202, "refund_request")
    shown = await stack.api.get(f"/payments/{payment['id']}")
    assert (shown["openRequest"], shown["status"]) == ("refund_request", "completed")
    # While nobody knows, its amount stays reserved.
    await _settled(stack, payment["id"], "partial_refunded")
    (cancel,) = await stack.rows("SELECT * FROM payment_cancels")
    assert (cancel["cancel_status"], cancel["cancel_amount"]) == ("DONE", 20_000)
    at_toss = (await stack.toss.get(f"/v1/payments/{payment['paymentKey']}")).body
    assert at_toss["balanceAmount"] == 30_000


async def test_a_payment_request_whose_reply_is_lost_opens_its_window_after_all(open_stack: OpenStack) -> None:
    stack = await open_stack(**QUICK)
    await stack.fault(method="POST", path="/v1/payments", kind="drop_reply")
    reply = await stack.request_payment()
    assert (reply.status, reply["checkoutUrl"]) == (202, None)
    payment_id = reply["payment"]["id"]

    async def opened() -> bool:
        return (await stack.api.get(f"/payments/{payment_id}"))["checkoutUrl"] is not None

    await stack.eventually(opened)


@pytest.mark.parametrize("victim", ["api", "worker", "both"])
async def test_a_process_killed_while_toss_works_loses_nothing(open_stack: OpenStack, victim: str) -> None:
    stack = await open_stack(**QUICK)
    confirmation = await stack.ready_to_confirm()
    await stack.fault(path="/v1/payments/confirm", kind="delay", delayMs=1000)
    asked = stack.background(stack.api.post("/payments/confirm", confirmation))

    async def toss_is_asked() -> Any:
        return await stack.rows("SELECT FROM payment_transactions WHERE type = 'payment_confirmation'")

    await stack.eventually(toss_is_asked)
    assert stack.worker is not None
    for process in {"api": stack.apis, "worker": [stack.worker], "both": [*stack.apis, stack.worker]}[victim]:
        process.kill()
        process.start()
    await stack.outcome(asked)
    payment = await stack.row("SELECT id FROM payments")
    await _settled(stack, str(payment["id"]), "completed")
    assert (await stack.api.post("/payments/confirm", confirmation)).status == 200
    order = await stack.row("SELECT status FROM orders")
    assert order["status"] == "PAID"


async def test_webhooks_doubled_unknown_and_forged_move_nothing_wrongly(stack: Stack) -> None:
    payment = await stack.paid()
    forged = {
        "eventType": "PAYMENT_STATUS_CHANGED",
        "createdAt": "2026-01-01T00:00:00.000000",
        "data": {"paymentKey": payment["paymentKey"], "orderId": payment["orderId"], "status": "CANCELED"},
    }
    first = await stack.api.post("/payments/webhook", forged)
    second = await stack.api.post("/payments/webhook", forged)
    assert ((first.status, first["repeated"]), (second.status, second["repeated"])) == ((200, False), (200, True))
    stranger = {**forged, "data": {"paymentKey": "not_ours", "orderId": "NOT-OURS-1", "status": "DONE"}}
    assert (await stack.api.post("/payments/webhook", stranger)).status == 200
    other = {"eventType": "BILLING_DELETED", "createdAt": "2026-01-01T00:00:00", "data": {"billingKey": "bk"}}
    assert (await stack.api.post("/payments/webhook", other)).status == 200

    async def worked() -> bool:
        # The forged one claims more than Toss shows, so it is looked for again for a while.
        waiting = await stack.rows("SELECT FROM webhook_events WHERE status = 'received' AND looks = 0")
        return not waiting and len(await stack.rows("SELECT FROM webhook_events")) == 4

    await stack.eventually(worked)
    events = await stack.rows("SELECT order_no, event_type, status, reason, repeats FROM webhook_events")
    seen = {(e["order_no"], e["event_type"]): (e["status"], e["reason"], e["repeats"]) for e in events}
    assert seen[("NOT-OURS-1", "PAYMENT_STATUS_CHANGED")] == ("ignored", "UNKNOWN_ORDER", 0)
    assert seen[(None, "BILLING_DELETED")] == ("ignored", "NOT_ABOUT_PAYMENTS", 0)
    assert (await stack.api.get(f"/payments/{payment['id']}"))["status"] == "completed"


async def test_a_webhook_alone_is_enough(open_stack: OpenStack) -> None:
    """The confirm's answer never reaches us and our process dies; the webhook tells, the resolver closes."""
    stack = await open_stack(**{**QUICK, "PAYWON_RESOLVE_AFTER_S": "3"})
    confirmation = await stack.ready_to_confirm()
    await stack.fault(path="/v1/payments/confirm", kind="drop_reply")
    await stack.api.post("/payments/confirm", confirmation)

    async def paid() -> bool:
        return bool((await stack.row("SELECT status FROM orders"))["status"] == "PAID")

    await stack.eventually(paid)


async def test_an_order_past_its_time_is_not_confirmed(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, PAYWON_ORDER_TTL_S="1")
    confirmation = await stack.ready_to_confirm()

    async def refused() -> bool:
        reply = await stack.api.post("/payments/confirm", {**confirmation, "amount": 1})
        assert reply.status == 422
        late = await stack.row("SELECT expires_at < now() AS late FROM orders")
        return bool(late["late"])

    await stack.eventually(refused)
    reply = await stack.api.post("/payments/confirm", confirmation)
    assert (reply.status, reply["code"]) == (409, "ORDER_EXPIRED")
    assert await stack.toss_requests("/v1/payments/confirm") == []
