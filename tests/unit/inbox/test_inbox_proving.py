"""How far a webhook is believed: every kind of proof, and every way to have none."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from paywon.base.networks import parse_networks
from paywon.inbox.commands.proving import Judged, Known, Trust, judge
from paywon.inbox.model import WebhookVerdict
from paywon.payments.facts import digest_of_secret
from paywon.toss.webhooks import parse_webhook

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
SENT_AT = "2026-11-25T12:00:00+09:00"
OLD, NEW = "0f" * 32, "a5" * 32
TOSS = "13.124.18.147"
SIGNED, MATCHED, HINT = WebhookVerdict.SIGNED, WebhookVerdict.SECRET_MATCHED, WebhookVerdict.REFETCHED
PAYOUT = {"eventType": "payout.changed", "entityBody": {"id": "FPA_1", "status": "COMPLETED"}}
CHANGED = {
    "eventType": "PAYMENT_STATUS_CHANGED",
    "data": {"orderId": "ORD-000001", "paymentKey": "k", "secret": "ps_1"},
}
DEPOSIT = {"secret": "ps_1", "status": "DONE", "transactionKey": "T1", "orderId": "ORD-000001"}
DELETED = {"eventType": "BILLING_DELETED", "data": {"billingKey": "bk"}}


def trust(*secrets: str, sources: str = "", **more: Any) -> Trust:
    return Trust(secrets=tuple(map(SecretStr, secrets)), sources=parse_networks(sources), **more)


def by_toss(body: dict[str, Any], *keys: bytes, sent_at: str = SENT_AT, version: str = "v1") -> dict[str, str]:
    signed = json.dumps(body).encode() + b":" + sent_at.encode()
    items = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys]
    return {
        "tosspayments-webhook-transmission-time": sent_at,
        "tosspayments-webhook-signature": ",".join(f"{version}:{item}" for item in items),
    }


def by_us(body: dict[str, Any], secret: str) -> dict[str, str]:
    return {"toss-signature": hmac.digest(secret.encode(), json.dumps(body).encode(), "sha256").hex()}


def said(
    how: Trust,
    body: dict[str, Any],
    headers: dict[str, str] | None = None,
    *,
    secret: str | None = None,
    is_key_of_ours: bool = False,
    address: str | None = "203.0.113.9",
) -> WebhookVerdict | str | None:
    """The verdict; of a rejection, why."""
    raw = json.dumps(body).encode()
    known = Known(secret_digest=None if secret is None else digest_of_secret(secret), names_key_of_ours=is_key_of_ours)
    judged = judge(how, parse_webhook(raw), raw, headers or {}, known=known, source_address=address, now=NOW)
    assert (judged.verdict is WebhookVerdict.REJECTED) is (judged.reason is not None)
    return judged.reason or judged.verdict


def test_a_key_signs_as_its_text_and_as_what_its_hex_stands_for() -> None:
    for key in (OLD.encode(), bytes.fromhex(OLD)):
        assert said(trust(OLD), PAYOUT, by_toss(PAYOUT, key)) is SIGNED


def test_while_a_key_is_replaced_either_may_sign_and_both_may() -> None:
    for keys in ([OLD], [NEW], [OLD, NEW], [NEW, OLD]):
        header = by_toss(PAYOUT, *(key.encode() for key in keys))
        assert said(trust(OLD, NEW), PAYOUT, header) is SIGNED
        # One that knows only one of the two finds it among both.
        assert (said(trust(NEW), PAYOUT, header) is SIGNED) is (NEW in keys)
    assert said(trust(OLD, NEW), PAYOUT, by_us(PAYOUT, NEW)) is SIGNED


def test_a_signature_that_does_not_fit_is_refused_whatever_the_event() -> None:
    wrong = [
        by_toss(PAYOUT, b"another key"),
        by_toss(PAYOUT, OLD.encode(), version="v2"),
        by_toss({**PAYOUT, "more": 1}, OLD.encode()),
        {**by_toss(PAYOUT, OLD.encode()), "tosspayments-webhook-transmission-time": "2026-11-25T12:00:01+09:00"},
        {"tosspayments-webhook-signature": by_toss(PAYOUT, OLD.encode())["tosspayments-webhook-signature"]},
        {"tosspayments-webhook-signature": ""},
        {"tosspayments-webhook-signature": "v1:"},
        {"tosspayments-webhook-signature": "v1:" + "A" * 5000},
        by_us(PAYOUT, "another secret"),
        {"toss-signature": ""},
        {"toss-signature": "é"},
        # A good one beside it proves nothing: both were sent by whoever sent the wrong one.
        by_toss(PAYOUT, OLD.encode()) | by_us(PAYOUT, "another secret"),
        by_toss(PAYOUT, b"another key") | by_us(PAYOUT, OLD),
    ]
    for headers in wrong:
        assert said(trust(OLD), PAYOUT, headers) == "SIGNATURE_WRONG", headers
    assert said(trust(OLD), CHANGED, by_toss(CHANGED, b"x"), secret="ps_1") == "SIGNATURE_WRONG", (
        "a secret heals it not"
    )


def test_what_toss_always_signs_comes_with_a_signature() -> None:
    assert said(trust(OLD), PAYOUT) == "SIGNATURE_MISSING"
    assert said(trust(OLD), PAYOUT, address=TOSS) == "SIGNATURE_MISSING"
    assert said(trust(), PAYOUT) is HINT, "nothing to verify it with, so it is believed no more than others"
    assert said(trust(), PAYOUT, by_toss(PAYOUT, b"anything")) is HINT


@pytest.mark.parametrize(
    ("sent_at", "verdict"),
    [
        (SENT_AT, SIGNED),
        ("2026-11-25T12:10:00+09:00", SIGNED),
        ("2026-11-25T11:50:00+09:00", SIGNED),
        ("2026-11-25T12:10:01+09:00", "SIGNATURE_STALE"),
        ("2026-11-25T11:49:59+09:00", "SIGNATURE_STALE"),
        ("2026-11-25T03:00:00Z", SIGNED),
        ("2026-11-25T12:00:00", SIGNED),  # no offset is Korean time
        ("2024-09-05T12:19:21+09:00", "SIGNATURE_STALE"),
        ("", "SIGNATURE_STALE"),
        ("yesterday", "SIGNATURE_STALE"),
        ("9999-12-31T23:59:59-23:59", "SIGNATURE_STALE"),
    ],
)
def test_a_signed_time_of_transmission_is_of_about_now(sent_at: str, verdict: object) -> None:
    headers = by_toss(PAYOUT, OLD.encode(), sent_at=sent_at)
    assert said(trust(OLD, max_age=timedelta(minutes=10)), PAYOUT, headers) == verdict
    assert said(trust(OLD), PAYOUT, headers) is SIGNED, "unless nobody cares"


def test_only_toss_and_we_know_a_payments_secret() -> None:
    for body in (DEPOSIT, CHANGED):
        assert said(trust(), body, secret="ps_1") is MATCHED
        assert said(trust(), body) is HINT, "of a payment that we have not learned of"
    assert said(trust(), DEPOSIT, secret="ps_2") == "SECRET_WRONG"
    assert said(trust(), CHANGED, secret="ps_2") is HINT, "another payment of the order has another secret"
    assert said(trust(), {**DEPOSIT, "secret": "ps_1x"}, secret="ps_1") == "SECRET_WRONG"


def test_only_toss_and_we_know_a_whole_billing_key() -> None:
    assert said(trust(), DELETED, is_key_of_ours=True) is MATCHED
    assert said(trust(), DELETED) is HINT


@pytest.mark.parametrize("body", [PAYOUT, CHANGED, DEPOSIT, DELETED, {"eventType": "made.up"}], ids=str)
def test_in_strict_mode_what_nothing_proves_is_refused(body: dict[str, Any]) -> None:
    strict = trust(sources=f"{TOSS}, 115.92.221.0/24, 2001:db8::/32", strict=True)
    for address in ("203.0.113.9", "115.92.222.1", "::1", None):
        assert said(strict, body, address=address) == "NOT_PROVEN"
    for address in (TOSS, "115.92.221.127", "2001:db8::7"):
        assert said(strict, body, address=address) is HINT
    assert said(trust(OLD, strict=True), body, by_us(body, OLD)) is SIGNED


def test_in_strict_mode_a_secret_is_proof_enough() -> None:
    strict = trust(OLD, strict=True)
    for body in (DEPOSIT, CHANGED):
        assert said(strict, body, secret="ps_1") is MATCHED
    assert said(strict, CHANGED, secret="ps_2") == "NOT_PROVEN"
    assert said(strict, DELETED, is_key_of_ours=True) is MATCHED


def test_what_is_proven_is_not_what_is_merely_let_in() -> None:
    how = trust(sources=TOSS)
    for verdict, address, proven in (
        (SIGNED, None, True),
        (MATCHED, "203.0.113.9", True),
        (HINT, TOSS, True),
        (HINT, "203.0.113.9", False),
        (HINT, None, False),
        (WebhookVerdict.REJECTED, TOSS, False),
    ):
        assert how.is_proven(verdict, address) is proven
    assert not trust().is_proven(HINT, TOSS), "nobody has said where Toss sends from"
    assert Judged(verdict=HINT).reason is None
