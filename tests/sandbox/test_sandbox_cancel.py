"""toss/api.md 5.4: cancels."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.sandbox.client import Toss
from tests.sandbox.receiver import Receiver

from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.records import PaymentRecord
from paywon_sandbox.core.values import Payment
from paywon_sandbox.rules.cancel import check_state, read_cancel
from paywon_sandbox.rules.params import Params
from paywon_sandbox.settings import KST


async def test_one_full_cancel(toss: Toss) -> None:
    payment = await toss.paid(10000)
    key = payment["paymentKey"]
    canceled = (await toss.cancel(key, cancelReason="변심")).json
    assert (canceled["status"], canceled["totalAmount"], canceled["balanceAmount"]) == ("CANCELED", 10000, 0)
    assert (canceled["suppliedAmount"], canceled["vat"], canceled["taxFreeAmount"]) == (0, 0, 0)
    [entry] = canceled["cancels"]
    assert (entry["cancelAmount"], entry["refundableAmount"], entry["cancelReason"]) == (10000, 0, "변심")
    assert canceled["lastTransactionKey"] == entry["transactionKey"] != payment["lastTransactionKey"]
    again = await toss.cancel(key)
    assert (again.status, again.code) == (400, "ALREADY_CANCELED_PAYMENT")


async def test_partials_that_add_up_stay_partial(toss: Toss) -> None:
    key = (await toss.paid(10000))["paymentKey"]
    first = (await toss.cancel(key, cancelAmount=1000)).json
    assert (first["status"], first["balanceAmount"], first["suppliedAmount"], first["vat"]) == (
        "PARTIAL_CANCELED",
        9000,
        8182,
        818,
    )
    assert (await toss.cancel(key, cancelAmount="1000")).json["balanceAmount"] == 8000
    last = (await toss.cancel(key)).json
    assert (last["status"], last["balanceAmount"]) == ("PARTIAL_CANCELED", 0)
    assert [entry["refundableAmount"] for entry in last["cancels"]] == [9000, 8000, 0]
    assert [entry["cancelAmount"] for entry in last["cancels"]] == [1000, 1000, 8000]
    assert last["lastTransactionKey"] == last["cancels"][-1]["transactionKey"]
    for body in ({}, {"cancelAmount": 1}):
        emptied = await toss.cancel(key, **body)
        assert (emptied.status, emptied.code) == (403, "NOT_CANCELABLE_AMOUNT")


async def test_a_cancel_of_the_total_by_amount_is_a_full_cancel(toss: Toss) -> None:
    key = (await toss.paid(10000))["paymentKey"]
    assert (await toss.cancel(key, cancelAmount=10000)).json["status"] == "CANCELED"


async def test_the_guard_stops_a_cancel_on_another_balance(toss: Toss) -> None:
    key = (await toss.paid(10000))["paymentKey"]
    refused = await toss.cancel(key, cancelAmount=1000, refundableAmount=9000)
    assert (refused.status, refused.code) == (400, "NOT_MATCHES_REFUNDABLE_AMOUNT")
    assert (await toss.payment(key))["cancels"] is None
    assert (await toss.cancel(key, cancelAmount=1000, refundableAmount=10000)).status == 200
    assert (await toss.cancel(key, refundableAmount=9000)).json["balanceAmount"] == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"cancelReason": None}, 400, "INVALID_REQUEST"),
        ({"cancelReason": "가" * 201}, 400, "INVALID_REQUEST"),
        ({"cancelReason": " "}, 400, "INVALID_REQUEST"),
        ({"cancelAmount": 10001}, 403, "NOT_CANCELABLE_AMOUNT"),
        ({"cancelAmount": 0}, 400, "BELOW_ZERO_AMOUNT"),
        ({"cancelAmount": -1}, 400, "BELOW_ZERO_AMOUNT"),
        ({"cancelAmount": "all"}, 400, "INVALID_REQUEST"),
        ({"currency": "USD"}, 400, "INVALID_CURRENCY"),
        ({"taxFreeAmount": 1}, 403, "NOT_CANCELABLE_AMOUNT"),
        ({"cancelRequestId": "short"}, 400, "INVALID_REQUEST"),
        ({"refundReceiveAccount": "none"}, 400, "INVALID_REQUEST"),
        ({"refundReceiveAccount": {"bankCode": "20"}}, 400, "INVALID_BANK"),
        (
            {"refundReceiveAccount": {"bank": "20", "accountNumber": "12-34", "holderName": "박토스"}},
            400,
            "INVALID_REFUND_ACCOUNT_NUMBER",
        ),
        (
            {"refundReceiveAccount": {"bank": "국민", "accountNumber": "1234"}},
            400,
            "INVALID_REFUND_ACCOUNT_INFO",
        ),
    ],
)
async def test_refused_cancels_change_nothing(toss: Toss, body: dict[str, object], status: int, code: str) -> None:
    payment = await toss.paid(10000)
    answer = await toss.cancel(payment["paymentKey"], **body)
    assert (answer.status, answer.code) == (status, code)
    assert await toss.payment(payment["paymentKey"]) == payment


@pytest.mark.parametrize("outcome", ["ready", "in progress", "aborted", "expired"])
async def test_what_was_never_approved_cannot_be_cancelled(toss: Toss, outcome: str) -> None:
    key, order_id = await toss.opened()
    if outcome in ("in progress", "aborted"):
        await toss.authenticate(key, declineAtConfirm="REJECT_CARD_PAYMENT")
    if outcome == "aborted":
        await toss.confirm(key, order_id, 15000)
    if outcome == "expired":
        await toss.advance(1801)
    answer = await toss.cancel(key)
    assert (answer.status, answer.code) == (403, "NOT_CANCELABLE_PAYMENT")


@pytest.mark.parametrize(
    "choice", [{"method": "CARD", "isPartialCancelable": False}, {"method": "CULTURE_GIFT_CERTIFICATE"}]
)
async def test_some_payments_are_cancelled_whole_or_not_at_all(toss: Toss, choice: dict[str, object]) -> None:
    payment = await toss.paid(10000, **choice)
    assert payment["isPartialCancelable"] is False
    refused = await toss.cancel(payment["paymentKey"], cancelAmount=1000)
    assert (refused.status, refused.code) == (403, "NOT_ALLOWED_PARTIAL_REFUND")
    assert (await toss.cancel(payment["paymentKey"])).json["status"] == "CANCELED"


async def test_tax_free_parts_are_given_back_separately(toss: Toss) -> None:
    key, order_id = await toss.opened(10000, taxFreeAmount=3000)
    await toss.authenticate(key)
    paid = (await toss.confirm(key, order_id, 10000)).json
    assert (paid["taxFreeAmount"], paid["suppliedAmount"], paid["vat"]) == (3000, 6364, 636)
    part = (await toss.cancel(key, cancelAmount=4000, taxFreeAmount=1000)).json
    assert (part["balanceAmount"], part["taxFreeAmount"], part["vat"]) == (6000, 2000, 364)
    assert part["cancels"][0]["taxFreeAmount"] == 1000


@pytest.mark.parametrize(
    "parts",
    [
        {"cancelAmount": 5000},  # field case O7: 2,000 are taxed, so 3,000 of it must be free of tax
        {"cancelAmount": 5000, "taxFreeAmount": 0},
        {"cancelAmount": 5000, "taxFreeAmount": 2999},
        {"cancelAmount": 5000, "taxFreeAmount": 5001},
        {"cancelAmount": 9000, "taxFreeAmount": 8001},
        {"cancelAmount": 10000, "taxFreeAmount": 4000},
        {"taxFreeAmount": 4000},
        {"cancelAmount": 3000, "taxExemptionAmount": 1},
    ],
)
async def test_a_cancel_whose_tax_parts_do_not_add_up_is_refused(toss: Toss, parts: dict[str, object]) -> None:
    key, order_id = await toss.opened(10000, taxFreeAmount=8000)
    await toss.authenticate(key)
    paid = (await toss.confirm(key, order_id, 10000)).json
    refused = await toss.cancel(key, **parts)
    assert (refused.status, refused.code) == (403, "NOT_CANCELABLE_AMOUNT")
    assert await toss.payment(key) == paid


async def test_the_tax_parts_of_several_cancels_add_up(toss: Toss) -> None:
    key, order_id = await toss.opened(10000, taxFreeAmount=8000)
    await toss.authenticate(key)
    await toss.confirm(key, order_id, 10000)
    seen = []
    for parts in ({"cancelAmount": 5000, "taxFreeAmount": 3000}, {"cancelAmount": 1000, "taxFreeAmount": 1000}, {}):
        part = (await toss.cancel(key, **parts)).json
        seen.append((part["balanceAmount"], part["taxFreeAmount"], part["suppliedAmount"] + part["vat"]))
        assert sum(row["taxFreeAmount"] for row in part["cancels"]) + part["taxFreeAmount"] == 8000
    assert seen == [(5000, 5000, 0), (4000, 4000, 0), (0, 0, 0)]


async def test_points_come_back_last(toss: Toss) -> None:
    key = (await toss.paid(15000, method="EASY_PAY", pointsAmount=5000))["paymentKey"]
    first = (await toss.cancel(key, cancelAmount=8000)).json["cancels"][0]
    assert first["easyPayDiscountAmount"] == 0
    second = (await toss.cancel(key, cancelAmount=3000)).json["cancels"][1]
    assert second["easyPayDiscountAmount"] == 1000
    third = (await toss.cancel(key)).json["cancels"][2]
    assert third["easyPayDiscountAmount"] == 4000


async def test_a_bank_transfer_can_be_cancelled_for_180_days(toss: Toss) -> None:
    key = (await toss.paid(method="TRANSFER"))["paymentKey"]
    await toss.advance(179 * 86400)
    assert (await toss.cancel(key, cancelAmount=1000)).status == 200
    await toss.advance(2 * 86400)
    late = await toss.cancel(key)
    assert (late.status, late.code) == (403, "EXCEED_MAX_REFUND_DUE")


async def test_a_phone_bill_can_be_cancelled_in_its_calendar_month(toss: Toss) -> None:
    await toss.ok("/sandbox/clock/freeze")
    key = (await toss.paid(method="MOBILE_PHONE"))["paymentKey"]
    assert (await toss.cancel(key, cancelAmount=1000)).status == 200
    now = datetime.fromisoformat((await toss.get("/sandbox/clock")).json["now"])
    month_end = (now.replace(day=1, hour=0, minute=0, second=0) + timedelta(days=32)).replace(day=1)
    await toss.advance(int((month_end - now).total_seconds()) + 2)
    late = await toss.cancel(key)
    assert (late.status, late.code) == (403, "EXCEED_MAX_REFUND_DUE")


async def test_a_card_has_no_cancel_deadline(toss: Toss) -> None:
    key = (await toss.paid())["paymentKey"]
    await toss.advance(400 * 86400)
    assert (await toss.cancel(key)).status == 200


def _deposited_account() -> PaymentRecord:
    approved = datetime(2026, 1, 1, tzinfo=KST)
    payment = Payment(
        m_id="tosspayments",
        payment_key="key",
        order_id="order-1",
        order_name="셔츠",
        status="DONE",
        requested_at=toss_instant(approved),
        checkout=None,
        total_amount=1000,
        balance_amount=1000,
        supplied_amount=909,
        vat=91,
        method="가상계좌",
        version="2022-11-16",
    )
    return PaymentRecord(
        payment=payment,
        sequence=1,
        success_url="http://a/",
        fail_url="http://a/",
        requested_at=approved,
        approved_at=approved,
    )


def test_a_deposited_account_needs_somewhere_to_refund_to() -> None:
    record = _deposited_account()
    now = datetime(2026, 1, 2, tzinfo=KST)
    account = {"bank": "20", "accountNumber": "1000123456789", "holderName": "박토스"}
    with pytest.raises(TossError, match="INVALID_REFUND_ACCOUNT_INFO"):
        check_state(record, read_cancel(Params({"cancelReason": "x"})), now)
    request = read_cancel(Params({"cancelReason": "x", "refundReceiveAccount": account}))
    check_state(record, request, now)
    with pytest.raises(TossError, match="EXCEED_MAX_REFUND_DUE"):
        check_state(record, request, now + timedelta(days=365))


@pytest.mark.parametrize("bank", ["20", "우리", "WOORI", "ST", "TOSS_SECURITIES"])
async def test_money_goes_back_to_banks_and_securities_firms(toss: Toss, bank: str) -> None:
    payment = await toss.paid(method="VIRTUAL_ACCOUNT")
    await toss.ok(f"/sandbox/virtual-accounts/{payment['orderId']}/deposit")
    account = {"bank": bank, "accountNumber": "1000123456789", "holderName": "박토스"}
    assert (await toss.cancel(payment["paymentKey"], refundReceiveAccount=account)).status == 200


async def test_a_cancel_in_the_merchant_console(toss: Toss, receiver: Receiver) -> None:
    payment = await toss.paid(10_000)
    door = f"/sandbox/console/payments/{payment['paymentKey']}/cancel"
    await toss.fault(kind="away")
    part = await toss.ok(door, {"cancelReason": "분쟁", "cancelAmount": 4_000})
    assert (part["status"], part["balanceAmount"], part["cancels"][0]["cancelReason"]) == (
        "PARTIAL_CANCELED",
        6_000,
        "분쟁",
    )
    too_much = await toss.post(door, {"cancelReason": "분쟁", "cancelAmount": 6_001})
    assert (too_much.status, too_much.code) == (403, "NOT_CANCELABLE_AMOUNT")
    assert (await toss.post(door, {})).code == "INVALID_REQUEST"
    events = await receiver.wait_for(2)
    assert [event["data"]["status"] for event in events] == ["DONE", "PARTIAL_CANCELED"]
    await toss.call("DELETE", "/sandbox/faults")
    assert await toss.payment(payment["paymentKey"]) == part
