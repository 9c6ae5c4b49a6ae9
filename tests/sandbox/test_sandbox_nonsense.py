"""Every endpoint with every parameter spoilt in turn: an answer in Toss's shape, never a crash."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from itertools import cycle
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from tests.sandbox.client import Answer, Toss, new_order_id
from tests.sandbox.process import SandboxProcess
from tests.sandbox.sealing import Payouts, approved_seller, new_payout, new_seller
from tests.sandbox.test_sandbox_robustness import BODIES

CARD: dict[str, object] = {"cardNumber": "4330123412341234", "cardExpirationYear": "49", "cardExpirationMonth": "07"}
CARD |= {"cardPassword": "12", "customerIdentityNumber": "881212", "customerEmail": "a@b.kr"}
ORDER: dict[str, object] = {"amount": 60000, "orderName": "셔츠", "taxFreeAmount": 100}
PRODUCT: dict[str, object] = {"id": "1", "name": "셔츠", "code": "S1", "unitPrice": 1, "quantity": 1}
SUBMALL: dict[str, object] = {"subMallId": "mall1", "type": "CORPORATE", "companyName": "상호", "metadata": {"a": "b"}}
SUBMALL |= {
    "representativeName": "김토페",
    "businessNumber": "1234567890",
    "email": "a@b.kr",
    "phoneNumber": "01012341234",
}
SUBMALL |= {"account": {"bankCode": "092", "accountNumber": "1234567890123", "holderName": "김토페"}}
WINDOW: dict[str, object] = ORDER | {
    "successUrl": "http://a.example/",
    "failUrl": "http://a.example/",
    "method": "CARD",
}
WINDOW |= {"cardCompany": "11", "easyPay": "TOSSPAY", "cardInstallmentPlan": 3, "useCardPoint": True, "bank": "20"}
WINDOW |= {"discountCode": "card-disc-001", "validHours": 24, "useEscrow": True, "escrowProducts": [PRODUCT]}
WINDOW |= {"cashReceipt": {"type": "소득공제"}, "isCulturalExpenses": True, "mobileCarriers": ["KT"], "country": "KR"}
WINDOW |= {
    "refundReceiveAccount": {"bankCode": "20", "accountNumber": "1", "holderName": "박토스"},
    "flowMode": "DEFAULT",
}
WINDOW |= {"pendingUrl": "http://a.example/", "customerEmail": "a@b.kr", "customerName": "박토스", "currency": "KRW"}
WINDOW |= {"customerMobilePhone": "01012341234", "metadata": {"a": "b"}, "taxExemptionAmount": 1}
REGISTRATION: dict[str, object] = {"customerKey": "customer", "method": "CARD", "cardCompany": "11"}
REGISTRATION |= {"customerName": "박토스", "successUrl": "http://a.example/", "failUrl": "http://a.example/"}
CHOICE: dict[str, object] = {"method": "카드", "cardCompany": "11", "cardType": "신용", "installmentPlanMonths": 2}
CHOICE |= {"easyPayProvider": "토스페이", "easyPayFunding": "card", "pointsAmount": 0, "bank": "20", "country": "KR"}
CHOICE |= {"customerName": "박토스", "customerMobilePhone": "01012341234", "cashReceiptType": "소득공제"}
CHOICE |= {"cashReceiptNumber": "01012341234", "useCardPoint": True, "validHours": 1, "useEscrow": False}
CHOICE |= {"cardNumber": "4330123412341234", "discountAmount": 0, "isPartialCancelable": True, "declineTimes": 1}
CHOICE |= {
    "refundAccountNumber": "1",
    "refundHolderName": "박토스",
    "refundBank": "20",
    "declineAtConfirm": "FDS_ERROR",
}
CHOICE |= {"isInterestFree": True}
CANCEL: dict[str, object] = {"cancelReason": "x", "cancelAmount": 1, "taxFreeAmount": 0, "taxExemptionAmount": 0}
CANCEL |= {"refundableAmount": 60000, "currency": "KRW", "cancelRequestId": "cancel-1"}
CANCEL |= {"refundReceiveAccount": {"bank": "20", "accountNumber": "1", "holderName": "박토스"}}
POSTS: dict[str, dict[str, object]] = {
    "/v1/payments": WINDOW,
    "/v1/payments/confirm": {"paymentKey": "none", "orderId": "order-1", "amount": 1},
    "/sandbox/checkout": WINDOW,
    "/sandbox/billing-checkout": REGISTRATION,
    "/sandbox/webhooks": {"url": "http://127.0.0.1:9/", "events": ["DEPOSIT_CALLBACK"]},
    "/sandbox/faults": {"kind": "status", "method": "GET", "path": "/nowhere", "orderId": "order-1", "times": 1}
    | {"delayMs": 1, "status": 500, "code": "FDS_ERROR", "target": "api"},
    "/sandbox/clock/advance": {"seconds": 1},
    "/v1/payments/key-in": ORDER | CARD | {"cardInstallmentPlan": 3, "vbv": {"cavv": "1", "xid": "2", "eci": "3"}},
    "/v1/virtual-accounts": ORDER
    | {"customerName": "박토스", "bank": "20", "validHours": 24, "accountType": "고정", "accountKey": "k"}
    | {"useEscrow": True, "escrowProducts": [PRODUCT], "customerMobilePhone": "01012341234"}
    | {"cashReceipt": {"type": "소득공제", "registrationNumber": "01012341234"}},
    "/v1/billing/authorizations/issue": {"authKey": "bln_1", "customerKey": "customer"},
    "/v1/billing/authorizations/card": CARD | {"customerKey": "customer", "customerName": "박토스"},
    "/v1/billing/no-such-key": ORDER | {"customerKey": "customer", "taxExemptionAmount": 1},
    "/v1/settlements": {"paymentKey": "none"},
    "/v1/cash-receipts": ORDER | {"customerIdentityNumber": "01012341234", "type": "소득공제"},
    "/v1/cash-receipts/none/cancel": {"amount": 1},
    "/sandbox/billing-auth": {"customerKey": "customer", "method": "CARD", "cardCompany": "61", "declineTimes": 1},
    "/sandbox/events": {"eventType": "payout.changed", "data": {"status": "FAILED"}},
    "/v1/payouts/sub-malls": SUBMALL,
    "/v1/payouts/sub-malls/none": SUBMALL,
    "/v1/payouts/sub-malls/settlements": {"subMallId": "none", "payoutDate": "2030-01-02", "payoutAmount": 1},
    "/sandbox/settings": {"version": "2022-11-16", "signatureKey": "text", "reissueSecurityKey": False}
    | {"payoutBalance": 1_000_000, "requestsPerMinute": 0},
    "/sandbox/sellers/none/status": {"status": "APPROVED"},
    "/sandbox/payouts/none/outcome": {"outcome": "FAILED", "code": "ALREADY_CLOSE_ACCOUNT"},
    "/sandbox/payments/none/cancel-outcome": {"outcome": "DONE"},
    "/sandbox/virtual-accounts/none/deposit": {"amount": 1, "depositorName": "박토스"},
    "/sandbox/virtual-accounts/none/refund": {"outcome": "FAILED"},
    "/sandbox/virtual-accounts/none/nothing": {},
    "/sandbox/cash-receipts/none/outcome": {"outcome": "FAILED", "reason": "TS1"},
    "/sandbox/billing-keys/none/delete": {"reason": "x"},
}
WITH_ORDER = [path for path, body in POSTS.items() if "orderName" in body]
GETS: dict[str, dict[str, str]] = {
    "/v1/transactions": {
        "startDate": "2024-01-01",
        "endDate": "2024-01-02T00:00:00",
        "startingAfter": "",
        "limit": "1",
    },
    "/v1/settlements": {"startDate": "2024-01-01", "endDate": "2024-01-02", "dateType": "", "page": "1", "size": "1"},
    "/v1/cash-receipts": {"requestDate": "2024-01-01", "cursor": "0", "limit": "1"},
}
SPOILT: list[Any] = [None, "", " ", [], {}, [1], {"a": 1}, True, -1, 0, 1.5, 10**14, "x" * 5000, "１２", "\u0000", "가"]
SPOILT_TEXT = [
    "",
    "x",
    "-1",
    "0",
    "1.5",
    "9" * 40,
    "x" * 3000,
    "１",
    "\u0000",
    "2024-13-01",
    "0001-01-01",
    "9999-12-31",
]


@pytest_asyncio.fixture(loop_scope="session")
async def toss(sandbox: SandboxProcess) -> AsyncIterator[Toss]:
    """On one connection, for there are thousands of requests."""
    async with Toss(sandbox.base_url, f"test_sk_{secrets.token_hex(12)}", keep_alive=True) as client:
        yield client


def sound(answer: Answer, path: str, spoilt: object) -> None:
    """Refused in Toss's shape, or taken. The one true 5xx is FAILED_DB_PROCESSING for a long customerKey."""
    if answer.status == 200:
        return
    assert set(answer.json) == {"code", "message"}, (path, spoilt)
    assert answer.status < 500 or answer.code == "FAILED_DB_PROCESSING", (path, spoilt, answer.json)


@pytest.mark.parametrize("path", POSTS)
async def test_each_parameter_spoilt(toss: Toss, path: str) -> None:
    for name in POSTS[path]:
        for value in SPOILT:
            body = POSTS[path] | {name: value}
            if path in WITH_ORDER and name != "orderId":
                body["orderId"] = new_order_id()
            sound(await toss.post(path, body), path, (name, value))


async def test_each_parameter_of_a_choice_spoilt(toss: Toss) -> None:
    methods = cycle(("카드", "간편결제", "계좌이체", "가상계좌", "휴대폰"))
    key, _ = await toss.opened(60000)
    for name in CHOICE:
        for value in SPOILT:
            choice = CHOICE | {"method": next(methods), "outcome": "approve", name: value}
            answer = await toss.post(f"/sandbox/payments/{key}/authenticate", choice)
            sound(answer, "authenticate", (name, value))
            if answer.status == 200:
                key, _ = await toss.opened(60000)


@pytest.mark.parametrize("choice", [{"method": "CARD"}, {"method": "VIRTUAL_ACCOUNT"}], ids=["card", "account"])
async def test_each_parameter_of_a_cancel_spoilt(toss: Toss, choice: dict[str, object]) -> None:
    """Of a payment that is there; what is taken all the same never gives back more than was paid."""
    payment = await toss.paid(60000, **choice)
    if payment["status"] != "DONE":
        await toss.ok(f"/sandbox/virtual-accounts/{payment['orderId']}/deposit")
    for name in CANCEL:
        for value in SPOILT:
            balance = (await toss.payment(payment["paymentKey"]))["balanceAmount"]
            body = CANCEL | {"refundableAmount": balance, name: value}
            sound(await toss.post(f"/v1/payments/{payment['paymentKey']}/cancel", body), "cancel", (name, value))
    left = await toss.payment(payment["paymentKey"])
    assert left["balanceAmount"] == 60000 - sum(entry["cancelAmount"] for entry in left["cancels"])


@pytest.mark.parametrize("path", POSTS)
async def test_malformed_bodies(toss: Toss, path: str) -> None:
    for body in BODIES:
        answer = await toss.call("POST", path, raw=body)
        sound(answer, path, body[:20])
        lenient = path.startswith(("/sandbox/settings", "/sandbox/events"))
        assert answer.status != 200 or body in (b"", b'{"amount":1e999}') or lenient


@pytest.mark.parametrize("path", ["/v2/sellers", "/v2/sellers/none", "/v2/payouts"])
async def test_each_encrypted_parameter_spoilt(toss: Toss, path: str) -> None:
    payouts = await Payouts.of(toss)
    wanted: dict[str, Any] = new_seller()
    if path == "/v2/payouts":
        wanted = new_payout(await approved_seller(payouts), payoutDate="2030-01-02")
    for name in wanted:
        for value in SPOILT:
            status, answer = await payouts.post(path, wanted | {name: value})
            assert status < 500, (name, value, answer)
            assert set(answer) == {"version", "traceId", "error"} or status == 200
    for name in ("company", "account", "amount"):
        for part in wanted.get(name, {}):
            for value in SPOILT:
                status, answer = await payouts.post(path, wanted | {name: wanted[name] | {part: value}})
                assert status < 500, (name, part, value, answer)


@pytest.mark.parametrize("path", ["/v2/sellers", "/v2/payouts"])
async def test_each_query_parameter_of_v2_spoilt(toss: Toss, path: str) -> None:
    for name in ("limit", "startingAfter"):
        for value in SPOILT_TEXT:
            answer = await toss.get(f"{path}?{urlencode({name: value})}")
            assert answer.status == 200 or (answer.status, set(answer.json)) == (400, {"version", "traceId", "error"})


@pytest.mark.parametrize("path", GETS)
async def test_each_query_parameter_spoilt(toss: Toss, path: str) -> None:
    for name in GETS[path]:
        for value in SPOILT_TEXT:
            sound(await toss.get(f"{path}?{urlencode(GETS[path] | {name: value})}"), path, (name, value))


@pytest.mark.parametrize("path", WITH_ORDER)
async def test_the_unspoilt_request_is_taken_or_known(toss: Toss, path: str) -> None:
    """So that the tests above spoil something good."""
    answer = await toss.post(path, POSTS[path] | {"orderId": new_order_id()})
    assert answer.status == 200 or answer.code == "INVALID_BILL_KEY_REQUEST"


async def test_the_furthest_dates(toss: Toss) -> None:
    """Nothing overflows when the clock or a date stands at the end of the calendar."""
    ever = "startDate=0001-01-01&endDate=9999-12-31"
    await toss.paid()
    await toss.advance(86_400)
    for path in ("/v1/transactions", "/v1/settlements"):
        assert len((await toss.get(f"{path}?{ever}")).json) == 1
    body = POSTS["/v1/virtual-accounts"] | {"orderId": new_order_id(), "validHours": None}
    for due_date in ("9999-12-31T23:59:59", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        answer = await toss.post("/v1/virtual-accounts", body | {"dueDate": due_date})
        assert answer.code in ("EXCEED_MAX_DUE_DATE", "INVALID_DATE")
