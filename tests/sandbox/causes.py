"""How to bring about each published error without Test-Code: by its real cause, or by a lever of the control door."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.sandbox.client import Answer, Toss, basic, new_order_id

Cause = Callable[[Toss], Awaitable[Answer]]
CONFIRM = "POST /v1/payments/confirm"
CANCEL = "POST /v1/payments/{paymentKey}/cancel"
BY_KEY, BY_ORDER = "GET /v1/payments/{paymentKey}", "GET /v1/payments/orders/{orderId}"
REFUND_ACCOUNT: dict[str, object] = {"bank": "20", "accountNumber": "1000123456789", "holderName": "박토스"}
HALF_A_YEAR_S = 181 * 86_400


async def confirmed_twice(toss: Toss) -> Answer:
    payment = await toss.paid()
    return await toss.confirm(payment["paymentKey"], payment["orderId"], 15000)


async def confirmed_another_amount(toss: Toss) -> Answer:
    key, order_id = await toss.authenticated()
    return await toss.confirm(key, order_id, 14999)


async def confirmed_too_little(toss: Toss) -> Answer:
    return await toss.confirm(*await toss.authenticated(99), 99)


async def confirmed_unknown(toss: Toss) -> Answer:
    return await toss.confirm("no-such-payment", new_order_id(), 1000)


async def confirmed_late(toss: Toss) -> Answer:
    key, order_id = await toss.authenticated()
    await toss.advance(601)
    return await toss.confirm(key, order_id, 15000)


async def confirmed_more_months_than_allowed(toss: Toss) -> Answer:
    key, order_id = await toss.opened(60000, method="CARD", maxCardInstallmentPlan=3)
    await toss.authenticate(key, installmentPlanMonths=4)
    return await toss.confirm(key, order_id, 60000)


async def confirmed_with_a_phone_bill_too_high(toss: Toss) -> Answer:
    return await toss.confirm(*await toss.authenticated(1_000_001, method="MOBILE_PHONE"), 1_000_001)


def once_too_often(method: str, path: str) -> Cause:
    """Of one payment or order, with the limit switched on."""

    async def cause(toss: Toss) -> Answer:
        key, order_id = await toss.opened()
        await toss.ok("/sandbox/settings", {"requestsPerPayment": 1})
        where = path.replace("{paymentKey}", key).replace("{orderId}", order_id)
        body: object = {"cancelReason": "x"} if method == "POST" else None
        await toss.call(method, where, body)
        return await toss.call(method, where, body)

    return cause


async def confirmed_with_another_key(toss: Toss) -> Answer:
    """Of the other kind, or of another merchant."""
    key, order_id = await toss.authenticated()
    async with Toss(toss.base_url, "test_sk_another_merchant") as another:
        assert (await another.confirm(key, order_id, 15000)).code == "INVALID_API_KEY"
    async with Toss(toss.base_url, toss.key.replace("test_sk_", "test_gsk_")) as widget:
        return await widget.confirm(key, order_id, 15000)


def paid_with(**choice: object) -> Cause:
    """Confirm after the customer chose this; shows that the payment is aborted for it."""

    async def cause(toss: Toss) -> Answer:
        key, order_id = await toss.authenticated(**choice)  # type: ignore[arg-type]
        answer = await toss.confirm(key, order_id, 15000)
        assert (await toss.payment(key))["failure"]["code"] == answer.code
        return answer

    return cause


def without_a_colon(method: str, path: str) -> Cause:
    async def cause(toss: Toss) -> Answer:
        body: object = {} if method == "POST" else None
        return await toss.call(method, path, body, headers={"authorization": basic(toss.key)})

    return cause


def with_a_wrong_key(method: str, path: str) -> Cause:
    async def cause(toss: Toss) -> Answer:
        body: object = {} if method == "POST" else None
        return await toss.call(method, path, body, headers={"authorization": basic("live_sk_unknown:")})

    return cause


def reading(path: str) -> Cause:
    async def cause(toss: Toss) -> Answer:
        return await toss.get(path)

    return cause


def canceling(choice: dict[str, object], first: dict[str, object] | None = None, **body: object) -> Cause:
    """Cancel a paid payment of 15,000; `first` is an earlier cancel."""

    async def cause(toss: Toss) -> Answer:
        key = (await toss.paid(15000, **choice))["paymentKey"]
        if first is not None:
            assert (await toss.cancel(key, **first)).status == 200
        return await toss.cancel(key, **body)

    return cause


def refunding(account: dict[str, object] | None, **body: object) -> Cause:
    """Cancel a virtual account that was paid into."""

    async def cause(toss: Toss) -> Answer:
        payment = await toss.paid(method="VIRTUAL_ACCOUNT")
        await toss.ok(f"/sandbox/virtual-accounts/{payment['orderId']}/deposit")
        more = body if account is None else body | {"refundReceiveAccount": account}
        return await toss.cancel(payment["paymentKey"], **more)

    return cause


async def canceled_half_a_year_later(toss: Toss) -> Answer:
    key = (await toss.paid(method="TRANSFER"))["paymentKey"]
    await toss.advance(HALF_A_YEAR_S)
    return await toss.cancel(key)


async def canceled_before_paying(toss: Toss) -> Answer:
    key, _ = await toss.opened()
    return await toss.cancel(key)


async def canceled_unknown(toss: Toss) -> Answer:
    return await toss.cancel("no-such-payment")


async def typed_card_of_a_long_customer(toss: Toss) -> Answer:
    card = {"cardNumber": "4330123412341234", "cardExpirationYear": "49", "cardExpirationMonth": "07"}
    body = card | {"customerIdentityNumber": "881212", "customerKey": "k" * 301}
    return await toss.post("/v1/billing/authorizations/card", body)


async def charged_a_deleted_key(toss: Toss) -> Answer:
    auth_key = (await toss.ok("/sandbox/billing-auth", {"customerKey": "customer"}))["authKey"]
    issue = {"authKey": auth_key, "customerKey": "customer"}
    key = (await toss.ok("/v1/billing/authorizations/issue", issue))["billingKey"]
    await toss.call("DELETE", f"/v1/billing/{key}")
    order = {"customerKey": "customer", "amount": 4900, "orderId": new_order_id(), "orderName": "구독"}
    return await toss.post(f"/v1/billing/{key}", order)


async def too_long_an_idempotency_key(toss: Toss) -> Answer:
    return await toss.post("/v1/payments", {}, headers={"idempotency-key": "k" * 301})


async def asked_again_while_it_runs(toss: Toss) -> Answer:
    key, order_id = await toss.authenticated()
    await toss.fault(kind="delay", delayMs=800, path="/v1/payments/confirm")
    headers = {"idempotency-key": "once"}
    first = asyncio.create_task(toss.confirm(key, order_id, 15000, headers=headers))
    await asyncio.sleep(0.3)
    second = await toss.confirm(key, order_id, 15000, headers=headers)
    assert (await first).status == 200
    return second


async def an_unknown_test_code(toss: Toss) -> Answer:
    return await toss.get("/v1/payments/any", headers={"tosspayments-test-code": "NO_SUCH_CODE"})


REAL: dict[tuple[str, str], Cause] = {
    (CONFIRM, "ALREADY_PROCESSED_PAYMENT"): confirmed_twice,
    (CONFIRM, "INVALID_REQUEST"): confirmed_another_amount,
    (CONFIRM, "BELOW_MINIMUM_AMOUNT"): confirmed_too_little,
    (CONFIRM, "NOT_FOUND_PAYMENT"): confirmed_unknown,
    (CONFIRM, "NOT_FOUND_PAYMENT_SESSION"): confirmed_late,
    (CONFIRM, "INVALID_API_KEY"): confirmed_with_another_key,
    (CONFIRM, "UNAUTHORIZED_KEY"): with_a_wrong_key("POST", "/v1/payments/confirm"),
    (CONFIRM, "INCORRECT_BASIC_AUTH_FORMAT"): without_a_colon("POST", "/v1/payments/confirm"),
    (CONFIRM, "EXCEED_MAX_CARD_INSTALLMENT_PLAN"): confirmed_more_months_than_allowed,
    (CONFIRM, "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT"): confirmed_with_a_phone_bill_too_high,
    (BY_KEY, "FORBIDDEN_CONSECUTIVE_REQUEST"): once_too_often("GET", "/v1/payments/{paymentKey}"),
    (BY_ORDER, "FORBIDDEN_CONSECUTIVE_REQUEST"): once_too_often("GET", "/v1/payments/orders/{orderId}"),
    (CANCEL, "FORBIDDEN_CONSECUTIVE_REQUEST"): once_too_often("POST", "/v1/payments/{paymentKey}/cancel"),
    (BY_KEY, "NOT_FOUND_PAYMENT"): reading("/v1/payments/no-such-payment"),
    (BY_KEY, "UNAUTHORIZED_KEY"): with_a_wrong_key("GET", "/v1/payments/any"),
    (BY_KEY, "INCORRECT_BASIC_AUTH_FORMAT"): without_a_colon("GET", "/v1/payments/any"),
    (BY_ORDER, "NOT_FOUND_PAYMENT"): reading("/v1/payments/orders/no-such-order"),
    (BY_ORDER, "UNAUTHORIZED_KEY"): with_a_wrong_key("GET", "/v1/payments/orders/any-order"),
    (BY_ORDER, "INCORRECT_BASIC_AUTH_FORMAT"): without_a_colon("GET", "/v1/payments/orders/any-order"),
    (CANCEL, "UNAUTHORIZED_KEY"): with_a_wrong_key("POST", "/v1/payments/any/cancel"),
    (CANCEL, "INCORRECT_BASIC_AUTH_FORMAT"): without_a_colon("POST", "/v1/payments/any/cancel"),
    (CANCEL, "NOT_FOUND_PAYMENT"): canceled_unknown,
    (CANCEL, "NOT_CANCELABLE_PAYMENT"): canceled_before_paying,
    (CANCEL, "EXCEED_MAX_REFUND_DUE"): canceled_half_a_year_later,
    (CANCEL, "ALREADY_CANCELED_PAYMENT"): canceling({}, first={}),
    (CANCEL, "INVALID_REQUEST"): canceling({}, cancelReason=""),
    (CANCEL, "NOT_CANCELABLE_AMOUNT"): canceling({}, cancelAmount=15001),
    (CANCEL, "NOT_MATCHES_REFUNDABLE_AMOUNT"): canceling({}, cancelAmount=1, refundableAmount=14999),
    (CANCEL, "NOT_ALLOWED_PARTIAL_REFUND"): canceling({"isPartialCancelable": False}, cancelAmount=1),
    (CANCEL, "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT"): canceling({"discountAmount": 1000}, cancelAmount=999),
    (CANCEL, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT"): canceling({"method": "VIRTUAL_ACCOUNT"}, cancelAmount=1),
    (CANCEL, "INVALID_REFUND_ACCOUNT_INFO"): refunding(None),
    (CANCEL, "INVALID_BANK"): refunding(REFUND_ACCOUNT | {"bank": "없는은행"}),
    (CANCEL, "INVALID_REFUND_ACCOUNT_NUMBER"): refunding(REFUND_ACCOUNT | {"accountNumber": "12-34"}),
    ("POST /v1/billing/authorizations/card", "FAILED_DB_PROCESSING"): typed_card_of_a_long_customer,
    ("POST /v1/billing/{billingKey}", "ALREADY_REMOVED_BILLING_KEY"): charged_a_deleted_key,
    ("POST *", "INVALID_IDEMPOTENCY_KEY"): too_long_an_idempotency_key,
    ("POST *", "IDEMPOTENT_REQUEST_PROCESSING"): asked_again_while_it_runs,
    ("*", "INVALID_TEST_CODE"): an_unknown_test_code,
}

# docs/sandbox.md "Numbers that play a refusal".
CARDS = {
    "INVALID_STOPPED_CARD": "01",
    "INVALID_CARD_LOST_OR_STOLEN": "02",
    "REJECT_CARD_PAYMENT": "03",
    "REJECT_CARD_COMPANY": "04",
    "INVALID_REJECT_CARD": "05",
    "EXCEED_MAX_AUTH_COUNT": "07",
    "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN": "12",
    "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT": "13",
    "NOT_ALLOWED_POINT_USE": "14",
    "EXCEED_MAX_PAYMENT_AMOUNT": "15",
    "EXCEED_MAX_DAILY_PAYMENT_COUNT": "16",
    "EXCEED_MAX_ONE_DAY_AMOUNT": "17",
    "CARD_PROCESSING_ERROR": "18",
    "FDS_ERROR": "19",
    "PROVIDER_ERROR": "20",
}
# What the customer's bank, wallet or phone answers at the moment of the confirm: `declineAtConfirm`.
AT_CONFIRM: dict[str, dict[str, Any]] = {
    "REJECT_ACCOUNT_PAYMENT": {"method": "TRANSFER"},
    "RESTRICTED_TRANSFER_ACCOUNT": {"method": "TRANSFER"},
    "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT": {"method": "TRANSFER"},
    "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT": {"method": "TRANSFER"},
    "INVALID_ACCOUNT_INFO_RE_REGISTER": {"method": "TRANSFER"},
    "NOT_AVAILABLE_BANK": {"method": "TRANSFER"},
    "INVALID_PASSWORD": {"method": "EASY_PAY"},
    "REJECT_TOSSPAY_INVALID_ACCOUNT": {"method": "EASY_PAY", "easyPayFunding": "account"},
    "NOT_AVAILABLE_PAYMENT": {"method": "MOBILE_PHONE"},
    "INVALID_CARD_EXPIRATION": {},
    "EXCEED_MAX_AMOUNT": {},
    "UNKNOWN_PAYMENT_ERROR": {},
    "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING": {},
    "FAILED_INTERNAL_SYSTEM_PROCESSING": {},
}
REFUND_ACCOUNTS = {
    "FORBIDDEN_BANK_REFUND_REQUEST": "02",
    "REFUND_REJECTED": "03",
    "FAILED_REFUND_PROCESS": "04",
    "FAILED_PARTIAL_REFUND": "05",
    "NOT_AVAILABLE_BANK": "06",
}

LEVERS: dict[tuple[str, str], Cause] = (
    {(CONFIRM, code): paid_with(cardNumber=f"94100000000000{number}") for code, number in CARDS.items()}
    | {(CONFIRM, code): paid_with(declineAtConfirm=code, **choice) for code, choice in AT_CONFIRM.items()}
    | {
        (CANCEL, code): refunding(REFUND_ACCOUNT | {"accountNumber": f"9990000{number}"}, cancelAmount=1000)
        for code, number in REFUND_ACCOUNTS.items()
    }
)
