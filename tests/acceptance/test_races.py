"""Many at once: Toss is asked once, and no more goes back than was paid."""

import asyncio
from typing import Any

from tests.conftest import OpenStack
from tests.support.stack import Reply, Stack


async def test_fifty_confirms_through_two_processes_ask_toss_once(open_stack: OpenStack) -> None:
    stack = await open_stack(apis=2)
    # Toss takes its time, so that all the others arrive while the first is still asking.
    confirmation = await stack.ready_to_confirm()
    await stack.fault(path="/v1/payments/confirm", kind="delay", delayMs=700)
    clients = [stack.client(port) for port in stack.ports]
    replies = await asyncio.gather(*(clients[turn % 2].post("/payments/confirm", confirmation) for turn in range(50)))
    assert {reply.status for reply in replies} <= {200, 202}
    assert {reply["payment"]["status"] for reply in replies} <= {"completed", "in_progress"}
    assert len({reply["payment"]["id"] for reply in replies}) == 1
    waiting = [reply for reply in replies if reply.status == 202]
    assert waiting and all(reply.headers["retry-after"] and reply.headers["location"] for reply in waiting)
    assert len(await stack.toss_requests("/v1/payments/confirm")) == 1
    assert len(await stack.rows("SELECT FROM payment_transactions WHERE type = 'payment_confirmation'")) == 1
    assert (await stack.api.post("/payments/confirm", confirmation))["payment"]["status"] == "completed"


async def test_twenty_partial_refunds_never_exceed_the_total(open_stack: OpenStack) -> None:
    stack = await open_stack(apis=2, worker=False)
    payment = await stack.paid(amount=50_000)
    clients = [stack.client(port) for port in stack.ports]

    async def refund(turn: int) -> Reply:
        body = {"refundReason": f"부분 환불 {turn}", "refundAmount": 7_000}
        return await clients[turn % 2].post(f"/payments/{payment['id']}/refund", body)

    replies = await asyncio.gather(*(refund(turn) for turn in range(20)))
    accepted = [reply for reply in replies if reply.status == 200]
    refused = [reply for reply in replies if reply.status != 200]
    assert accepted
    assert {(reply.status, reply["code"]) for reply in refused} <= {
        (409, "PAYMENT_IN_PROGRESS"),
        (422, "REFUND_EXCEEDS_BALANCE"),
    }
    await _balance_agrees(stack, payment, refunded=7_000 * len(accepted))

    # Asked one after another, exactly what fits is refunded, and the next is refused with the sum that is left.
    turn = 20
    while (reply := await refund(turn)).status == 200:
        turn += 1
    assert (reply.status, reply["code"]) == (422, "REFUND_EXCEEDS_BALANCE")
    await _balance_agrees(stack, payment, refunded=49_000)


async def _balance_agrees(stack: Stack, payment: dict[str, Any], *, refunded: int) -> None:
    at_toss = (await stack.toss.get(f"/v1/payments/{payment['paymentKey']}")).body
    row = await stack.row("SELECT total_amount - balance_amount AS refunded FROM payments")
    sums = await stack.row("SELECT sum(cancel_amount)::bigint AS sum FROM payment_cancels WHERE cancel_status = 'DONE'")
    assert (row["refunded"], sums["sum"], at_toss["balanceAmount"]) == (refunded, refunded, 50_000 - refunded)


async def test_two_requests_for_one_resource_open_one_payment(open_stack: OpenStack) -> None:
    stack = await open_stack(apis=2, worker=False)
    replies = await asyncio.gather(*(stack.request_payment(resourceId="b-1") for _ in range(10)))
    assert sorted(reply.status for reply in replies) == [201] + [409] * 9
    assert len(await stack.rows("SELECT FROM orders")) == 1


async def test_a_refund_and_a_second_confirm_do_not_meet(stack: Stack) -> None:
    payment = await stack.paid()
    confirmation = {"paymentKey": payment["paymentKey"], "orderId": payment["orderId"], "amount": 50_000}
    refund, confirm = await asyncio.gather(
        stack.api.post(f"/payments/{payment['id']}/refund", {"refundReason": "변심"}),
        stack.api.post("/payments/confirm", confirmation),
    )
    assert (refund.status, confirm.status) == (200, 200) or confirm.status == 202
    assert (await stack.api.get(f"/payments/{payment['id']}"))["status"] == "refunded"


async def test_a_wrong_amount_in_between_does_not_hide_the_confirm_that_runs(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, PAYWON_ANSWER_BUDGET_S="0.3")
    confirmation = await stack.ready_to_confirm()
    await stack.fault(path="/v1/payments/confirm", kind="delay", delayMs=3000)
    assert (await stack.api.post("/payments/confirm", confirmation)).status == 202
    assert (await stack.api.post("/payments/confirm", {**confirmation, "amount": 1})).status == 422
    assert (await stack.api.post("/payments/confirm", confirmation)).status == 202
