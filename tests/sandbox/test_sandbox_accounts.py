"""toss/api.md 6: virtual accounts from their issue to the refund."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sandbox.client import Toss, new_order_id
from tests.sandbox.receiver import Receiver

REFUND_ACCOUNT = {"bank": "국민", "accountNumber": "1000123456789", "holderName": "박토스"}
DAY = 86_400


def request(**more: object) -> dict[str, object]:
    given = {
        "orderId": new_order_id(),
        "orderName": "토스 티셔츠",
        "amount": 15000,
        "customerName": "박토스",
        "bank": "20",
    }
    return given | more


async def issued(toss: Toss, **more: object) -> Any:
    return await toss.ok("/v1/virtual-accounts", request(**more))


async def deposit(toss: Toss, order_id: str, **body: object) -> Any:
    return await toss.ok(f"/sandbox/virtual-accounts/{order_id}/deposit", body)


async def refused(toss: Toss, **more: object) -> str:
    answer = await toss.post("/v1/virtual-accounts", request(**more))
    assert answer.status == 400
    return answer.code


async def test_issue(toss: Toss) -> None:
    payment = await issued(toss, validHours="24", taxFreeAmount=1000)
    account = payment["virtualAccount"]
    assert (payment["status"], payment["method"], payment["approvedAt"]) == ("WAITING_FOR_DEPOSIT", "가상계좌", None)
    assert payment["secret"].startswith("ps_")
    assert (payment["suppliedAmount"], payment["vat"], payment["taxFreeAmount"]) == (12727, 1273, 1000)
    assert account["accountNumber"].startswith("X")
    assert (account["accountType"], account["bankCode"], account["expired"]) == ("일반", "20", False)
    assert account["dueDate"][:10] != payment["requestedAt"][:10]
    assert (await toss.get(f"/v1/payments/orders/{payment['orderId']}")).json == payment


async def test_a_fixed_account_keeps_its_number(toss: Toss) -> None:
    # A real request gave accountKey alone and got 고정 (toss/api.md 6).
    first = (await issued(toss, accountKey="customer-1"))["virtualAccount"]
    second = (await issued(toss, accountKey="customer-1", accountType="고정"))["virtualAccount"]
    assert first["accountType"] == second["accountType"] == "고정"
    assert first["accountNumber"] == second["accountNumber"]
    assert not first["accountNumber"].startswith("X")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"bank": "92"}, "INVALID_BANK"),
        ({"bank": "nowhere"}, "INVALID_BANK"),
        ({"bank": None}, "INVALID_REQUEST"),
        ({"customerName": None}, "INVALID_REQUEST"),
        ({"validHours": 24, "dueDate": "2099-01-01T00:00:00"}, "INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE"),
        ({"validHours": 2161}, "EXCEED_MAX_VALID_HOURS"),
        ({"validHours": 0}, "INVALID_REQUEST"),
        ({"dueDate": "2099-01-01T00:00:00"}, "EXCEED_MAX_DUE_DATE"),
        ({"dueDate": "2020-01-01T00:00:00"}, "INVALID_DATE"),
        ({"dueDate": "tomorrow"}, "INVALID_DATE"),
        ({"accountType": "고정"}, "REQUIRED_ACCOUNT_KEY"),
        ({"accountType": "아무"}, "INVALID_VIRTUAL_ACCOUNT_TYPE"),
        ({"accountKey": "more-than-13-chars"}, "INVALID_REQUEST"),
        ({"useEscrow": True}, "INVALID_REQUEST"),
        ({"cashReceipt": {"type": "세금"}}, "INVALID_REGISTRATION_NUMBER_TYPE"),
        ({"cashReceipt": {"type": "소득공제"}}, "INVALID_REQUEST"),
        ({"customerMobilePhone": "123"}, "INVALID_REQUEST"),
        ({"customerEmail": "nobody"}, "INVALID_REQUEST"),
        ({"amount": 199}, "BELOW_MINIMUM_AMOUNT"),
    ],
)
async def test_what_is_refused(toss: Toss, more: dict[str, object], code: str) -> None:
    assert await refused(toss, **more) == code


async def test_an_order_id_is_used_once(toss: Toss) -> None:
    payment = await issued(toss)
    assert await refused(toss, orderId=payment["orderId"]) == "DUPLICATED_ORDER_ID"


async def test_deposit_must_fit_exactly(toss: Toss) -> None:
    order_id = (await issued(toss))["orderId"]
    path = f"/sandbox/virtual-accounts/{order_id}/deposit"
    assert (await toss.post(path, {"amount": 14999})).code == "DEPOSIT_AMOUNT_DIFFERS"
    done = await deposit(toss, order_id, amount=15000, depositorName="다른 사람")
    assert (done["status"], done["virtualAccount"]["depositorName"]) == ("DONE", "다른 사람")
    assert done["approvedAt"] is not None
    assert (await toss.post(path, {})).code == "NOT_WAITING_FOR_DEPOSIT"
    assert (await toss.post("/sandbox/virtual-accounts/no-such-order/deposit", {})).code == "NOT_FOUND_PAYMENT"


async def test_past_its_due_date(toss: Toss) -> None:
    async with Receiver() as receiver:
        order_id = (await issued(toss, validHours=1))["orderId"]
        await toss.ok("/sandbox/webhooks", {"url": receiver.url})
        await toss.advance(3601)
        payment = (await toss.get(f"/v1/payments/orders/{order_id}")).json
        assert (payment["status"], payment["virtualAccount"]["expired"]) == ("WAITING_FOR_DEPOSIT", True)
        assert (await toss.post(f"/sandbox/virtual-accounts/{order_id}/deposit", {})).code == "ACCOUNT_EXPIRED"
        assert (await toss.get("/sandbox/webhooks/deliveries")).json == {"deliveries": []}


async def test_what_is_told_from_issue_to_refund(toss: Toss) -> None:
    async with Receiver() as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url})
        payment = await issued(toss)
        keys = [payment["lastTransactionKey"]]
        for action in ("deposit", "reverse", "deposit"):
            await receiver.wait_for(len(receiver.bodies))
            payment = await toss.ok(f"/sandbox/virtual-accounts/{payment['orderId']}/{action}")
            keys.append(payment["lastTransactionKey"])
        canceled = await toss.cancel(payment["paymentKey"], refundReceiveAccount=REFUND_ACCOUNT)
        keys.append(canceled.json["lastTransactionKey"])
        # 5 callbacks, and 4 PAYMENT_STATUS_CHANGED: the reversal has none (toss/webhooks.md).
        await receiver.wait_for(9)
    flat = [body for body in receiver.bodies if "eventType" not in body]
    assert {body["transactionKey"] for body in flat} == set(keys)
    assert {body["secret"] for body in flat} == {payment["secret"]}
    told = sorted(body["status"] for body in flat)
    assert told == ["CANCELED", "DONE", "DONE", "WAITING_FOR_DEPOSIT", "WAITING_FOR_DEPOSIT"]
    changed = sorted(body["data"]["status"] for body in receiver.bodies if "eventType" in body)
    assert changed == ["CANCELED", "DONE", "DONE", "WAITING_FOR_DEPOSIT"]


async def test_a_reversal_takes_everything_back(toss: Toss) -> None:
    receipt = {"type": "소득공제", "registrationNumber": "01012341234"}
    order_id = (await issued(toss, cashReceipt=receipt))["orderId"]
    path = f"/sandbox/virtual-accounts/{order_id}/reverse"
    assert (await toss.post(path)).code == "NOT_DEPOSITED"
    done = await deposit(toss, order_id)
    assert done["cashReceipt"]["amount"] == 15000
    back = await toss.ok(path)
    assert (back["status"], back["approvedAt"], back["balanceAmount"]) == ("WAITING_FOR_DEPOSIT", None, 15000)
    assert back["virtualAccount"]["depositorName"] is None
    assert back["cashReceipt"] is None
    assert [entry["transactionType"] for entry in back["cashReceipts"]] == ["CONFIRM", "CANCEL"]
    again = await deposit(toss, order_id)
    assert [entry["transactionType"] for entry in again["cashReceipts"]] == ["CONFIRM", "CANCEL", "CONFIRM"]
    assert again["cashReceipt"]["receiptKey"] == again["cashReceipts"][-1]["receiptKey"]


async def test_a_reversal_after_the_due_date_leaves_an_expired_account(toss: Toss) -> None:
    order_id = (await issued(toss, validHours=1))["orderId"]
    await deposit(toss, order_id)
    await toss.advance(3601)
    await toss.ok(f"/sandbox/virtual-accounts/{order_id}/reverse")
    payment = (await toss.get(f"/v1/payments/orders/{order_id}")).json
    assert (payment["status"], payment["virtualAccount"]["expired"]) == ("WAITING_FOR_DEPOSIT", True)


async def test_cancel_before_the_deposit(toss: Toss) -> None:
    key = (await issued(toss))["paymentKey"]
    part = await toss.cancel(key, cancelAmount=1000)
    assert (part.status, part.code) == (403, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT")
    canceled = (await toss.cancel(key)).json
    assert (canceled["status"], canceled["virtualAccount"]["refundStatus"]) == ("CANCELED", "NONE")
    again = await toss.post(f"/sandbox/virtual-accounts/{canceled['orderId']}/deposit", {})
    assert again.code == "NOT_WAITING_FOR_DEPOSIT"


@pytest.mark.parametrize("outcome", [None, "FAILED", "PARTIAL_FAILED"])
async def test_a_refund_takes_two_days(toss: Toss, outcome: str | None) -> None:
    payment = await issued(toss)
    await deposit(toss, payment["orderId"])
    key = payment["paymentKey"]
    assert (await toss.cancel(key)).code == "INVALID_REFUND_ACCOUNT_INFO"
    canceled = (await toss.cancel(key, cancelAmount=5000, refundReceiveAccount=REFUND_ACCOUNT)).json
    assert (canceled["status"], canceled["virtualAccount"]["refundStatus"]) == ("PARTIAL_CANCELED", "PENDING")
    assert canceled["virtualAccount"]["refundReceiveAccount"] is None
    if outcome:
        await toss.ok(f"/sandbox/virtual-accounts/{payment['orderId']}/refund", {"outcome": outcome})
    await toss.advance(2 * DAY - 60)
    assert (await toss.payment(key))["virtualAccount"]["refundStatus"] == "PENDING"
    await toss.advance(120)
    assert (await toss.payment(key))["virtualAccount"]["refundStatus"] == (outcome or "COMPLETED")


async def test_of_two_refunds_the_last_one_ends_it(toss: Toss) -> None:
    payment = await issued(toss)
    await deposit(toss, payment["orderId"])
    await toss.cancel(payment["paymentKey"], cancelAmount=5000, refundReceiveAccount=REFUND_ACCOUNT)
    await toss.advance(DAY)
    await toss.cancel(payment["paymentKey"], refundReceiveAccount=REFUND_ACCOUNT)
    await toss.advance(DAY + 60)
    assert (await toss.payment(payment["paymentKey"]))["virtualAccount"]["refundStatus"] == "PENDING"
    await toss.advance(DAY)
    assert (await toss.payment(payment["paymentKey"]))["virtualAccount"]["refundStatus"] == "COMPLETED"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("999000001", "INVALID_REFUND_ACCOUNT_INFO"),
        ("999000002", "FORBIDDEN_BANK_REFUND_REQUEST"),
        ("999000003", "REFUND_REJECTED"),
        ("999000004", "FAILED_REFUND_PROCESS"),
        ("999000005", "FAILED_PARTIAL_REFUND"),
        ("999000006", "NOT_AVAILABLE_BANK"),
    ],
)
async def test_refund_accounts_that_refuse(toss: Toss, number: str, code: str) -> None:
    payment = await issued(toss)
    await deposit(toss, payment["orderId"])
    account = REFUND_ACCOUNT | {"accountNumber": number}
    assert (await toss.cancel(payment["paymentKey"], cancelAmount=1000, refundReceiveAccount=account)).code == code
    assert await toss.payment(payment["paymentKey"]) == (await toss.get(f"/v1/payments/{payment['paymentKey']}")).json
    assert (await toss.payment(payment["paymentKey"]))["balanceAmount"] == 15000


async def test_expiry_by_hand(toss: Toss) -> None:
    """An account falls due, a window closes, without moving the clock of the others."""
    async with Receiver() as receiver:
        account, other = await issued(toss), await issued(toss)
        key, _ = await toss.opened()
        await toss.ok("/sandbox/webhooks", {"url": receiver.url})
        expired = await toss.ok(f"/sandbox/virtual-accounts/{account['orderId']}/expire")
        assert (expired["status"], expired["virtualAccount"]["expired"]) == ("WAITING_FOR_DEPOSIT", True)
        assert expired["virtualAccount"]["dueDate"] < account["virtualAccount"]["dueDate"]
        path = f"/sandbox/virtual-accounts/{account['orderId']}"
        assert (await toss.post(f"{path}/deposit")).code == "ACCOUNT_EXPIRED"
        assert (await toss.post(f"{path}/expire")).code == "NOT_WAITING"
        assert (await toss.payment(other["paymentKey"]))["virtualAccount"]["expired"] is False
        window = await toss.ok(f"/sandbox/payments/{key}/expire")
        assert (window["status"], window["failure"]["code"]) == ("EXPIRED", "EXPIRED_PAYMENT")
        [told] = await receiver.wait_for(1)  # of the account nothing is sent (toss/webhooks.md)
        assert told["data"] == window
    assert (await toss.post("/sandbox/payments/none/expire")).code == "NOT_FOUND_PAYMENT"
    paid = await toss.paid()
    assert (await toss.post(f"/sandbox/payments/{paid['paymentKey']}/expire")).code == "NOT_WAITING"


async def test_escrow_is_not_cancelled_while_the_goods_travel(toss: Toss) -> None:
    """toss/api.md 15: refused once delivery data exists, until the receipt is confirmed."""
    product = {"id": "1", "name": "셔츠", "code": "S1", "unitPrice": 15000, "quantity": 1}
    payment = await issued(toss, useEscrow=True, escrowProducts=[product])
    path = f"/sandbox/payments/{payment['paymentKey']}"
    assert (await toss.post(f"{path}/ship")).code == "NOT_IN_ESCROW"
    await deposit(toss, payment["orderId"])
    assert (await toss.post(f"{path}/receive")).code == "NOT_IN_DELIVERY"
    await toss.ok(f"{path}/ship")
    assert (await toss.post(f"{path}/ship")).code == "ALREADY_IN_DELIVERY"
    refused = await toss.cancel(payment["paymentKey"], refundReceiveAccount=REFUND_ACCOUNT)
    assert (refused.status, refused.code) == (403, "NOT_CANCELABLE_PAYMENT")
    await toss.ok(f"{path}/receive")
    canceled = await toss.cancel(payment["paymentKey"], refundReceiveAccount=REFUND_ACCOUNT)
    assert canceled.json["status"] == "CANCELED"


@pytest.mark.parametrize("method", ["CARD", "TRANSFER"])
async def test_escrow_of_other_methods(toss: Toss, method: str) -> None:
    payment = await toss.paid(method=method, useEscrow=True)
    assert (payment["useEscrow"], payment["isPartialCancelable"]) == (True, False)
    assert (await toss.cancel(payment["paymentKey"], cancelAmount=1)).code == "NOT_ALLOWED_PARTIAL_REFUND"
    await toss.ok(f"/sandbox/payments/{payment['paymentKey']}/ship")
    assert (await toss.cancel(payment["paymentKey"])).code == "NOT_CANCELABLE_PAYMENT"
    plain = await toss.paid(method=method)
    assert (await toss.post(f"/sandbox/payments/{plain['paymentKey']}/ship")).code == "NOT_IN_ESCROW"
    assert (await toss.post("/sandbox/payments/none/ship")).code == "NOT_FOUND_PAYMENT"


async def test_cash_receipts_say_what_is_free_of_tax(toss: Toss) -> None:
    receipt = {"type": "소득공제", "registrationNumber": "01012341234"}
    payment = await issued(toss, taxFreeAmount=3000, cashReceipt=receipt)
    await deposit(toss, payment["orderId"])
    for part, tax_free in ((10_000, 1_000), (None, 0)):
        body = {"taxFreeAmount": tax_free, "refundReceiveAccount": REFUND_ACCOUNT}
        canceled = (await toss.cancel(payment["paymentKey"], cancelAmount=part, **body)).json
    receipts = [(row["transactionType"], row["amount"], row["taxFreeAmount"]) for row in canceled["cashReceipts"]]
    # The merchant did not say of the last 5,000 that 2,000 were free of tax; nothing is left of them.
    assert receipts == [("CONFIRM", 15_000, 3_000), ("CANCEL", 10_000, 1_000), ("CANCEL", 5_000, 2_000)]


async def test_escrow_has_no_partial_refund(toss: Toss) -> None:
    product = {"id": "1", "name": "셔츠", "code": "S1", "unitPrice": 15000, "quantity": 1}
    payment = await issued(toss, useEscrow=True, escrowProducts=[product])
    assert (payment["useEscrow"], payment["isPartialCancelable"]) == (True, False)
    await deposit(toss, payment["orderId"])
    part = await toss.cancel(payment["paymentKey"], cancelAmount=1, refundReceiveAccount=REFUND_ACCOUNT)
    assert (part.status, part.code) == (403, "NOT_ALLOWED_PARTIAL_REFUND")


async def test_the_refund_account_of_the_window_is_shown_for_half_an_hour(toss: Toss) -> None:
    number, holder = "001012341342", "박토스"
    choice: dict[str, object] = {"refundAccountNumber": number, "refundHolderName": holder, "refundBank": "20"}
    payment = await toss.paid(15000, method="VIRTUAL_ACCOUNT", **choice)
    shown = {"bankCode": "20", "accountNumber": number, "holderName": holder}
    assert payment["virtualAccount"]["refundReceiveAccount"] == shown
    await toss.advance(1801)
    assert (await toss.payment(payment["paymentKey"]))["virtualAccount"]["refundReceiveAccount"] is None


async def test_settled_four_business_days_later(toss: Toss) -> None:
    payment = await issued(toss)
    await deposit(toss, payment["orderId"])
    await toss.advance(7 * DAY)
    assert (await toss.payment(payment["paymentKey"]))["virtualAccount"]["settlementStatus"] == "COMPLETED"


async def failed_refund(toss: Toss, *parts: int | None) -> str:
    """A deposited account that is cancelled in those parts, none of which the bank can pay out."""
    payment = await issued(toss)
    await deposit(toss, payment["orderId"])
    await toss.ok(f"/sandbox/virtual-accounts/{payment['orderId']}/refund", {"outcome": "FAILED"})
    key = str(payment["paymentKey"])
    for part in parts:
        assert (await toss.cancel(key, cancelAmount=part, refundReceiveAccount=REFUND_ACCOUNT)).status == 200
    await toss.advance(2 * 86_400 + 1)
    assert (await toss.payment(key))["virtualAccount"]["refundStatus"] == "FAILED"
    return key


@pytest.mark.parametrize(("parts", "again"), [((None,), None), ((None,), 15_000), ((5_000, None), 10_000)])
async def test_a_refund_that_the_bank_refused_goes_to_another_account(
    toss: Toss, parts: tuple[int | None, ...], again: int | None
) -> None:
    key = await failed_refund(toss, *parts)
    before = await toss.payment(key)
    other = REFUND_ACCOUNT | {"accountNumber": "2000123456789"}
    retried = await toss.cancel(key, cancelAmount=again, refundReceiveAccount=other)
    account = before["virtualAccount"] | {"refundStatus": "PENDING"}
    assert (retried.status, retried.json) == (200, before | {"virtualAccount": account})
    assert (await toss.cancel(key, refundReceiveAccount=other)).status in (400, 403)
    await toss.advance(2 * 86_400 + 1)
    assert (await toss.payment(key))["virtualAccount"]["refundStatus"] == "COMPLETED"
    assert (await toss.cancel(key, refundReceiveAccount=other)).status in (400, 403)


async def test_another_account_may_be_refused_too_and_must_be_named(toss: Toss) -> None:
    key = await failed_refund(toss, None)
    refusing = REFUND_ACCOUNT | {"accountNumber": "999000002"}
    assert (await toss.cancel(key, refundReceiveAccount=refusing)).code == "FORBIDDEN_BANK_REFUND_REQUEST"
    assert (await toss.cancel(key)).code == "ALREADY_CANCELED_PAYMENT"
    more = await toss.cancel(key, cancelAmount=15_001, refundReceiveAccount=REFUND_ACCOUNT)
    assert more.code == "ALREADY_CANCELED_PAYMENT"
    assert (await toss.cancel(key, refundReceiveAccount=REFUND_ACCOUNT)).status == 200


async def test_while_something_is_left_a_cancel_after_a_failed_refund_is_a_new_one(toss: Toss) -> None:
    key = await failed_refund(toss, 5_000)
    second = await toss.cancel(key, cancelAmount=5_000, refundReceiveAccount=REFUND_ACCOUNT)
    assert (second.json["balanceAmount"], len(second.json["cancels"])) == (5_000, 2)
