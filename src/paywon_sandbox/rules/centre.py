"""What a merchant does in Toss's developer centre, and events of products that are not built here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable

from paywon_sandbox import inferred
from paywon_sandbox.core import ids
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.store import Account
from paywon_sandbox.rules.params import Params
from paywon_sandbox.settings import API_VERSION, SECURITY_KEY_OVERLAP
from paywon_sandbox.webhooks.events import SIGNED, envelope, envelope_v2, queue

VERSIONS = ("2022-11-16", "2024-06-01")
SIGNATURE_KEYS = ("text", "hex")
_NUMBERS = {
    "payoutBalance": "payout_balance",
    "requestsPerMinute": "requests_per_minute",
    "requestsPerPayment": "requests_per_payment",
}


def settings_view(account: Account) -> dict[str, object]:
    """API version and security keys; two while a re-issued key overlaps with the old one."""
    return {
        "version": account.settings.version,
        "signatureKey": account.settings.signature_key,
        "securityKeys": valid_security_keys(account),
        "payoutBalance": account.settings.payout_balance,
        "requestsPerMinute": account.settings.requests_per_minute,
        "requestsPerPayment": account.settings.requests_per_payment,
    }


def change_settings(account: Account, params: Params) -> dict[str, object]:
    """`version`, `signatureKey`, `reissueSecurityKey`, `payoutBalance`, `requestsPerMinute`, `requestsPerPayment`."""
    settings = account.settings
    version = params.optional_text("version") or settings.version
    signature_key = params.optional_text("signatureKey") or settings.signature_key
    if version not in VERSIONS or signature_key not in SIGNATURE_KEYS:
        raise TossError("INVALID_REQUEST")
    if account.key.startswith("test_gsk_") and version != API_VERSION:
        raise TossError("INVALID_REQUEST")  # widget keys are fixed at 2022-11-16 (toss/api.md 1.7 [2src])
    numbers = {name: params.optional_amount(name) for name in _NUMBERS}
    if any(value is not None and value < 0 for value in numbers.values()):
        raise TossError(inferred.AMOUNT_NOT_POSITIVE)
    for name, value in numbers.items():
        if value is not None:
            setattr(settings, _NUMBERS[name], value)
    settings.version, settings.signature_key = version, signature_key
    if params.flag("reissueSecurityKey", default=False):
        settings.security_keys = [secrets.token_hex(32), *settings.security_keys[:1]]
        settings.reissued_at = account.clock.now()
    account.keep_settings()
    return settings_view(account)


def valid_security_keys(account: Account) -> list[str]:
    """The newest key, and the one before for 7 days (toss/api.md 13)."""
    settings = account.settings
    if settings.reissued_at is None or account.clock.now() - settings.reissued_at < SECURITY_KEY_OVERLAP:
        return settings.security_keys
    return settings.security_keys[:1]


def signature(account: Account, body: bytes, time: str) -> str:
    """`v1:<base64>` for each valid key, over body, colon and time (toss/webhooks.md "Signature algorithm" [2src])."""
    message = body + b":" + time.encode()
    as_text = account.settings.signature_key == "text"
    keys = [key.encode() if as_text else bytes.fromhex(key) for key in valid_security_keys(account)]
    macs = [hmac.new(key, message, hashlib.sha256).digest() for key in keys]
    return ",".join(f"v1:{base64.b64encode(mac).decode()}" for mac in macs)


def send_event(account: Account, params: Params) -> dict[str, object]:
    """Queue one event with `data`, or with a sample of its data; `data` replaces the sample's fields."""
    event_type = params.text("eventType")
    if event_type not in _SAMPLES:
        raise TossError("INVALID_REQUEST")
    now = account.clock.now()
    data = _SAMPLES[event_type](toss_instant(now)) | params.mapping("data")
    if "." in event_type:
        body = envelope_v2(event_type, now, account.settings.version, data)
    else:
        body = envelope(event_type, now, data)
    queue(account, event_type, body)
    return {"sent": body, "signed": event_type in SIGNED}


def _card_method(now: str) -> dict[str, object]:
    return {"customerKey": "customer-1", "methodKey": "m_card_0001", "status": "ENABLED"}


def _customer(now: str) -> dict[str, object]:
    return {"customerKey": "customer-1", "status": "CREATED", "changedAt": now}


def _cancel(now: str) -> dict[str, object]:
    return {
        "transactionKey": ids.transaction_key(""),
        "cancelReason": "테스트 결제 취소",
        "taxExemptionAmount": 0,
        "canceledAt": now,
        "cardDiscountAmount": 0,
        "transferDiscountAmount": 0,
        "easyPayDiscountAmount": 0,
        "receiptKey": None,
        "cancelAmount": 1000,
        "taxFreeAmount": 0,
        "refundableAmount": 0,
        "cancelStatus": "DONE",
        "cancelRequestId": "cancel-req-000001",
    }


def _link_pay_order(now: str) -> dict[str, object]:
    return {
        "orderKey": "linkpay-order-0001",
        "amount": 1000,
        "currency": "KRW",
        "customerName": "김토스",
        "customerPhoneNumber": "01012345678",
        "payment": None,
        "orderItems": [],
    }


def _ars_reservation(now: str) -> dict[str, object]:
    return {
        "arsReservationKey": "ars_0001",
        "reserveNumber": "0001",
        "requestedAt": now,
        "reservedAt": now,
        "status": "DONE",
        "canceledAt": None,
        "cancelReason": None,
        "completedAt": now,
        "mId": "tosspayments",
    }


def _payout(now: str) -> dict[str, object]:
    return {
        "id": "FPA_12345",
        "refPayoutId": "my-payout-1",
        "destination": "seller-1",
        "scheduleType": "SCHEDULED",
        "payoutDate": now[:10],
        "amount": {"currency": "KRW", "value": 5000.0},
        "transactionDescription": "대금지급",
        "requestedAt": now,
        "status": "COMPLETED",
        "error": None,
        "metadata": None,
    }


def _seller(now: str) -> dict[str, object]:
    return {
        "id": "seller-1",
        "refSellerId": "my-seller-1",
        "businessType": "INDIVIDUAL_BUSINESS",
        "company": {
            "name": "테스트 상호",
            "representativeName": "김토페",
            "businessRegistrationNumber": "1234567890",
            "email": "seller@shop.example",
            "phone": "01087654321",
        },
        "individual": None,
        "account": {"bankCode": "092", "accountNumber": "123*****90123", "holderName": "김토페"},
        "status": "KYC_REQUIRED",
        "metadata": None,
    }


# The documented data of each event (toss/webhooks.md "Events"). The others come from a flow of their own.
_SAMPLES: dict[str, Callable[[str], dict[str, object]]] = {
    "CANCEL_STATUS_CHANGED": _cancel,
    "METHOD_UPDATED": _card_method,
    "CUSTOMER_STATUS_CHANGED": _customer,
    "ORDER_PAYMENT_STATUS_CHANGED": _link_pay_order,
    "ars-reservation.changed": _ars_reservation,
    "payout.changed": _payout,
    "seller.changed": _seller,
}
