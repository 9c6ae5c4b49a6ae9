"""Specification 1, 1.6, 1.9 and 1.10: refunds in full, in part and to an account, and what comes twice."""

import pytest

from tests.acceptance.specifications.steps import ACCOUNT, refund, refuse, requested, told
from tests.support.stack import Stack


async def test_f3_rf2_fl11_parts_and_the_rest_go_back_and_then_no_more(stack: Stack) -> None:
    payment = await stack.paid()
    seen = [await refund(stack, payment, **part) for part in ({"refundAmount": 25_000}, {"refundAmount": 5_000}, {})]
    assert [reply["payment"]["status"] for reply in seen] == ["partial_refunded", "partial_refunded", "refunded"]
    assert [reply["payment"]["refundedAmount"] for reply in seen] == [25_000, 30_000, 50_000]
    assert (await refund(stack, payment)).status == 409


async def test_rf1_fl10_fl12_a_refund_is_asked_with_its_reason_and_on_record(stack: Stack) -> None:
    payment = await stack.paid()
    reply = await refund(stack, payment, refundAmount=1_000)
    assert reply["payment"]["refundReason"] == "고객 요청"
    (asked,) = await stack.toss_requests(f"/v1/payments/{payment['paymentKey']}/cancel")
    assert (asked["body"]["cancelReason"], asked["body"]["cancelAmount"]) == ("고객 요청", 1_000)
    row = await stack.row("SELECT status, idempotency_key FROM payment_transactions WHERE type = 'refund_request'")
    assert (row["status"], bool(row["idempotency_key"])) == ("success", True)


@pytest.mark.parametrize("amount", [0, -1, None, "1000", 1.5])
async def test_rf2_what_is_no_amount_refunds_nothing(stack: Stack, amount: object) -> None:
    payment = await stack.paid()
    reply = await refund(stack, payment, refundAmount=amount)
    assert (reply.status, reply["field"]) == (400, "refundAmount")
    assert (await stack.api.get(f"/payments/{payment['id']}"))["refundedAmount"] == 0


async def test_rf3_rf4_an_account_gets_its_refund_by_any_name_of_its_bank(stack: Stack) -> None:
    body = await stack.ready_to_confirm(by="VIRTUAL_ACCOUNT", paymentMethod="virtual_account")
    payment = (await stack.api.post("/payments/confirm", body))["payment"]
    await stack.toss.post(f"/sandbox/virtual-accounts/{payment['orderId']}/deposit")

    async def completed() -> bool:
        return bool((await stack.api.get(f"/payments/{payment['id']}"))["status"] == "completed")

    await stack.eventually(completed)
    without = await refund(stack, payment, refundAmount=1_000)
    assert (without.status, without["code"]) == (422, "REFUND_ACCOUNT_REQUIRED")
    unknown = await refund(stack, payment, refundReceiveAccount={**ACCOUNT, "bank": "없는은행"})
    assert (unknown.status, unknown["code"]) == (422, "UNKNOWN_BANK")
    banks = {"국민은행": "06", "국민": "06", "06": "06", "KOOKMIN": "06", "신한은행": "88", "토스뱅크": "92"}
    for number, bank in enumerate(banks):
        part = {"refundAmount": 1_000 + number, "refundReceiveAccount": {**ACCOUNT, "bank": bank}}
        assert (await refund(stack, payment, **part)).status == 200, bank
    asked = await stack.toss_requests(f"/v1/payments/{payment['paymentKey']}/cancel")
    assert [each["body"]["refundReceiveAccount"]["bank"] for each in asked] == list(banks.values())
    kept = str(await stack.rows("SELECT request_data FROM payment_transactions WHERE type = 'refund_request'"))
    assert ACCOUNT["accountNumber"] not in kept


async def test_fl9_er8_what_cannot_be_refunded_is_409_and_asks_nothing(stack: Stack) -> None:
    unpaid = (await requested(stack))["payment"]
    done = await stack.paid()
    assert (await refund(stack, done)).status == 200
    for payment in (unpaid, done):
        reply = await refund(stack, payment)
        assert (reply.status, reply["code"]) == (409, "REFUND_NOT_ALLOWED")
    asked = [each for each in await stack.toss_requests("/v1/payments") if each["path"].endswith("/cancel")]
    assert len(asked) == 1, "the one refund that was made"


async def test_er8_more_than_is_left_is_422(stack: Stack) -> None:
    reply = await refund(stack, await stack.paid(), refundAmount=50_001)
    assert (reply.status, reply["code"]) == (422, "REFUND_EXCEEDS_BALANCE")


async def test_er7_a_refund_that_toss_refuses_has_all_three_fields(stack: Stack) -> None:
    payment = await stack.paid()
    await refuse(stack, f"/v1/payments/{payment['paymentKey']}/cancel", "NOT_ALLOWED_PARTIAL_REFUND", 403)
    reply = await refund(stack, payment, refundAmount=1_000)
    assert (reply.status, reply["code"]) == (422, "PAYMENT_REFUSED")
    assert reply["message"] and reply["originalMessage"]


async def test_se11_the_same_refund_sent_twice_without_a_key_goes_back_once(stack: Stack) -> None:
    payment = await stack.paid()
    first = await refund(stack, payment, refundAmount=1_000)
    again = await refund(stack, payment, refundAmount=1_000)
    assert (first.status, again.status, again["code"]) == (200, 409, "DUPLICATE_REFUND")
    meant = await refund(stack, payment, refundAmount=1_000, allowDuplicate=True)
    assert (meant.status, meant["payment"]["refundedAmount"]) == (200, 2_000)


async def test_se11_a_refund_whose_reply_is_lost_goes_back_once(stack: Stack) -> None:
    payment = await stack.paid()
    await stack.fault(kind="drop_reply", path=f"/v1/payments/{payment['paymentKey']}/cancel")
    assert (await refund(stack, payment, refundAmount=1_000)).status in (200, 202)

    async def settled() -> bool:
        return bool((await stack.api.get(f"/payments/{payment['id']}"))["refundedAmount"] == 1_000)

    await stack.eventually(settled)
    at_toss = (await stack.toss.get(f"/v1/payments/{payment['paymentKey']}")).body
    assert [each["cancelAmount"] for each in at_toss["cancels"]] == [1_000]


async def test_cl4_confirm_and_refund_wrap_the_payment_and_a_read_does_not(stack: Stack) -> None:
    payment = (await requested(stack))["payment"]
    await stack.authenticate(payment["paymentKey"])
    confirmed = await stack.api.post("/payments/confirm", told(payment))
    refunded = await refund(stack, payment)
    assert set(confirmed.body) == set(refunded.body) == {"payment"}
    assert (await stack.api.get(f"/payments/{payment['id']}"))["id"] == payment["id"]
