"""What a shop asks of the window holds: preselected, and true of the payment where the customer chooses nothing else.

toss/api.md 5.1, and the options of the type files of Toss's two loaders.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.sandbox.client import FAIL_URL, SUCCESS_URL, Toss, new_order_id

REFUND = {"bankCode": "88", "accountNumber": "110123456789", "holderName": "박토스"}


async def paid(toss: Toss, amount: int = 60_000, choice: dict[str, object] | None = None, **wishes: object) -> Any:
    key, order_id = await toss.opened(amount, **wishes)
    await toss.authenticate(key, **(choice or {}))
    answer = await toss.confirm(key, order_id, amount)
    assert answer.status == 200, answer.raw.decode()
    return answer.json


async def test_card(toss: Toss) -> None:
    payment = await paid(toss, method="CARD", cardCompany="신한", cardInstallmentPlan=3, useCardPoint=True)
    card = payment["card"]
    assert (card["issuerCode"], card["installmentPlanMonths"], card["useCardPoint"]) == ("41", 3, True)
    # The customer may choose otherwise.
    payment = await paid(toss, choice={"cardCompany": "51", "installmentPlanMonths": 0}, cardCompany="41")
    assert (payment["card"]["issuerCode"], payment["card"]["installmentPlanMonths"]) == ("51", 0)
    # Instalments begin at 50,000 KRW.
    payment = await paid(toss, 49_999, method="CARD", cardInstallmentPlan=3)
    assert payment["card"]["installmentPlanMonths"] == 0


async def test_more_months_than_the_shop_allows(toss: Toss) -> None:
    key, order_id = await toss.opened(60_000, method="CARD", maxCardInstallmentPlan=3)
    await toss.authenticate(key, installmentPlanMonths=4)
    answer = await toss.confirm(key, order_id, 60_000)
    assert (answer.status, answer.code) == (400, "EXCEED_MAX_CARD_INSTALLMENT_PLAN")


async def test_whose_card_it_is_and_who_pays_for_instalments(toss: Toss) -> None:
    payment = await paid(toss, choice={"cardOwnerType": "법인", "cardType": "체크", "installmentPlanMonths": 2})
    card = payment["card"]
    assert (card["ownerType"], card["cardType"], card["interestPayer"]) == ("법인", "체크", "BUYER")
    free = await paid(toss, choice={"installmentPlanMonths": 2, "isInterestFree": True})
    assert (free["card"]["interestPayer"], free["card"]["ownerType"]) == ("CARD_COMPANY", "개인")
    key, _ = await toss.opened()
    for wrong in ({"cardType": "선불"}, {"cardOwnerType": "누구"}):
        assert (await toss.post(f"/sandbox/payments/{key}/authenticate", {"outcome": "approve"} | wrong)).status == 400


async def test_easy_pay_is_part_of_the_cards_window(toss: Toss) -> None:
    payment = await paid(toss, method="CARD", flowMode="DIRECT", easyPay="KAKAOPAY")
    assert (payment["method"], payment["easyPay"]["provider"]) == ("간편결제", "카카오페이")
    payment = await paid(toss, choice={"easyPayProvider": "토스페이"}, method="CARD")
    assert payment["easyPay"]["provider"] == "토스페이"
    payment = await paid(toss, method="TRANSFER", easyPay="KAKAOPAY", bank="SHINHAN")
    assert (payment["method"], payment["transfer"]["bankCode"]) == ("계좌이체", "88")


async def test_virtual_account(toss: Toss) -> None:
    product = {"id": None, "name": "셔츠", "quantity": 1}
    payment = await paid(
        toss,
        method="VIRTUAL_ACCOUNT",
        bank="농협",
        validHours=24,
        useEscrow=True,
        escrowProducts=[product],
        cashReceipt={"type": "지출증빙"},
        refundReceiveAccount=REFUND,
        isCulturalExpenses=True,
    )
    account = payment["virtualAccount"]
    lasts = datetime.fromisoformat(account["dueDate"]) - datetime.fromisoformat(payment["requestedAt"])
    assert timedelta(hours=24) <= lasts < timedelta(hours=24, minutes=1)
    assert (account["bankCode"], account["refundReceiveAccount"]) == ("11", REFUND)
    assert (payment["useEscrow"], payment["isPartialCancelable"], payment["cultureExpense"]) == (True, False, True)
    done = await toss.ok(f"/sandbox/virtual-accounts/{payment['orderId']}/deposit")
    assert done["cashReceipt"]["type"] == "지출증빙"


async def test_virtual_account_until_a_date(toss: Toss) -> None:
    now = datetime.fromisoformat((await toss.get("/sandbox/clock")).json["now"])
    due = (now + timedelta(days=3)).replace(hour=23, minute=59, second=0, microsecond=0)
    payment = await paid(toss, method="VIRTUAL_ACCOUNT", dueDate=due.replace(tzinfo=None).isoformat())
    assert payment["virtualAccount"]["dueDate"] == due.isoformat()


async def test_culture_is_never_a_cards(toss: Toss) -> None:
    assert (await paid(toss, method="CARD", isCulturalExpenses=True))["cultureExpense"] is False
    assert (await paid(toss, method="TRANSFER", cultureExpense=True))["cultureExpense"] is True


async def test_an_exempted_card_payment_is_cancelled_whole(toss: Toss) -> None:
    payment = await paid(toss, 11_000, method="CARD", taxExemptionAmount=1_000, taxFreeAmount=1_000)
    assert (payment["taxExemptionAmount"], payment["suppliedAmount"], payment["vat"]) == (1_000, 8_182, 818)
    assert payment["isPartialCancelable"] is False
    assert (await toss.cancel(payment["paymentKey"], cancelAmount=1)).code == "NOT_ALLOWED_PARTIAL_REFUND"
    by_account = await paid(toss, 11_000, method="TRANSFER", taxExemptionAmount=1_000)
    assert by_account["isPartialCancelable"] is True


async def test_an_instant_discount_by_its_code(toss: Toss) -> None:
    [offer] = (await toss.get("/v1/promotions/card")).json["discountCards"]
    wishes = {"method": "CARD", "discountCode": offer["discountCode"]}
    payment = await paid(toss, cardCompany=offer["issuerCode"], **wishes)
    assert payment["discount"] == {"amount": offer["discountAmount"]}
    assert payment["card"]["amount"] == 60_000 - offer["discountAmount"]
    assert (await paid(toss, cardCompany="11", **wishes))["discount"] is None
    too_little = offer["minimumPaymentAmount"] - 1
    assert (await paid(toss, too_little, cardCompany=offer["issuerCode"], **wishes))["discount"] is None


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"cardCompany": "없는카드"}, "INVALID_CARD_COMPANY"),
        ({"cardCompany": ["11"]}, "INVALID_CARD_COMPANY"),
        ({"bank": "없는은행"}, "INVALID_BANK"),
        ({"easyPay": "NOPAY"}, "INVALID_EASY_PAY"),
        ({"easyPay": "PAYPAL"}, "INVALID_EASY_PAY"),
        ({"cardInstallmentPlan": 1}, "INVALID_CARD_INSTALLMENT_PLAN"),
        ({"cardInstallmentPlan": "many"}, "INVALID_CARD_INSTALLMENT_PLAN"),
        ({"cardInstallmentPlan": 3, "maxCardInstallmentPlan": 6}, "INVALID_CARD_INSTALLMENT_PLANS_WITH_MAX_AND_SINGLE"),
        ({"discountCode": "no-such-code"}, "INVALID_REQUEST"),
        ({"validHours": 24, "dueDate": "2099-01-01T00:00:00"}, "INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE"),
        ({"validHours": 2161}, "EXCEED_MAX_VALID_HOURS"),
        ({"dueDate": "2099-01-01T00:00:00"}, "EXCEED_MAX_DUE_DATE"),
        ({"dueDate": "2020-01-01T00:00:00"}, "INVALID_DATE"),
        ({"cashReceipt": {"type": "세금"}}, "INVALID_CASH_RECEIPT_INFO"),
        ({"refundReceiveAccount": REFUND | {"bankCode": "00"}}, "INVALID_BANK"),
        ({"refundReceiveAccount": REFUND | {"accountNumber": "12-34"}}, "INVALID_REFUND_ACCOUNT_NUMBER"),
        ({"mobileCarriers": ["VODAFONE"]}, "NOT_SUPPORTED_CARRIER"),
        ({"customerEmail": "nobody"}, "INVALID_EMAIL"),
        ({"pendingUrl": "/relative"}, "INVALID_URL"),
        ({"taxExemptionAmount": 60_001}, "INVALID_REQUEST"),
        ({"method": "FOREIGN_EASY_PAY", "currency": "USD", "provider": "NOPAY"}, "INVALID_EASY_PAY"),
    ],
)
async def test_what_is_refused(toss: Toss, wish: dict[str, object], code: str) -> None:
    order = {"orderId": new_order_id(), "orderName": "셔츠", "amount": 60_000, "method": "CARD"}
    answer = await toss.post("/v1/payments", order | {"successUrl": SUCCESS_URL, "failUrl": FAIL_URL} | wish)
    assert (answer.status, answer.code) == (400, code)


async def test_an_order_id_of_the_script_may_have_an_equals_sign(toss: Toss) -> None:
    order_id = new_order_id() + "="
    payment = await paid(toss, orderId=order_id)
    assert (await toss.get(f"/v1/payments/orders/{order_id}")).json == payment
    order = {"orderId": order_id + "=", "orderName": "셔츠", "amount": 1_000, "method": "CARD"}
    answer = await toss.post("/v1/payments", order | {"successUrl": SUCCESS_URL, "failUrl": FAIL_URL})
    assert answer.code == "INVALID_ORDER_ID"


async def test_a_phone_bill_has_a_limit(toss: Toss) -> None:
    payment_key, order_id = await toss.authenticated(1_000_001, method="MOBILE_PHONE")
    answer = await toss.confirm(payment_key, order_id, 1_000_001)
    assert (answer.status, answer.code) == (400, "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT")
    assert (await toss.paid(1_000_000, method="MOBILE_PHONE"))["status"] == "DONE"
