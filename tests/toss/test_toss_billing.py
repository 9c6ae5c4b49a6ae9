"""Billing keys: a secret in the path, a slow charge, and a deletion that may be told twice."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.toss.loopback import FIXTURES, Loopback, Step, client_for, error, loopback, reply, reset, slow
from tests.toss.operations import BILLING_KEY, CHARGE, ISSUE

from paywon.toss.client import TossClient
from paywon.toss.errors import Refusal
from paywon.toss.outcome import No, NotSent, Unknown, UnknownReason, Yes

CHARGED = (FIXTURES / "payment-billing-done.json").read_bytes()
QUOTED_KEY = BILLING_KEY.replace("=", "%3D")
GONE = error(400, "ALREADY_REMOVED_BILLING_KEY", "이미 삭제된 빌링키입니다.")


@asynccontextmanager
async def _serving(*steps: Step) -> AsyncIterator[tuple[Loopback, TossClient]]:
    async with loopback(*steps) as toss, client_for(toss.url) as client:
        yield toss, client


def _echo(status: int, code: str | None = None) -> Step:
    """An error that quotes the address, as web frameworks do when nobody has told them not to."""
    path = f"/v1/billing/{QUOTED_KEY}"
    body = {"path": path, "message": f"no {BILLING_KEY}", "errors": [{"field": BILLING_KEY}], "status": status}
    return reply(json.dumps(body | ({"code": code} if code else {})).encode(), status=status)


async def test_an_issued_key_is_read_with_its_card() -> None:
    body = (FIXTURES / "billing-card-2022-11-16.json").read_bytes()
    async with _serving(reply(body)) as (_, client):
        answer = await client.issue_billing_key(ISSUE, idempotency_key="key-1")
    assert isinstance(answer, Yes)
    assert (answer.value.billing_key, answer.value.customer_key) == (BILLING_KEY, "aENcQAtPdYbTjGhtQnNVj")
    assert answer.value.card is not None
    assert (answer.value.method, answer.value.card.issuer_code, answer.value.card_company) == ("카드", "61", "현대")


async def test_an_issued_key_of_a_bank_account_is_read() -> None:
    async with _serving(reply((FIXTURES / "billing-transfer.json").read_bytes())) as (_, client):
        answer = await client.issue_billing_key(ISSUE, idempotency_key="key-1")
    assert isinstance(answer, Yes)
    assert answer.value.transfers is not None
    assert (answer.value.method, answer.value.transfers[0].bank_name) == ("계좌이체", "토스뱅크")


async def test_a_charge_is_a_payment_of_the_kind_billing() -> None:
    async with _serving(reply(CHARGED)) as (_, client):
        answer = await client.charge_billing_key(BILLING_KEY, CHARGE, idempotency_key="key-1")
    assert isinstance(answer, Yes)
    payment = answer.value
    assert (payment.type, payment.status, payment.total_amount) == ("BILLING", "DONE", 4900)
    assert (payment.supplied_amount, payment.vat, payment.order_id) == (4455, 445, CHARGE.order_id)


async def test_a_caller_may_choose_its_patience() -> None:
    async with _serving(slow(1.0, reply(CHARGED))) as (_, client):
        answer = await client.charge_billing_key(BILLING_KEY, CHARGE, idempotency_key="key-1", read_timeout_s=0.1)
    assert isinstance(answer, Unknown)
    assert (answer.reason, answer.answered) == (UnknownReason.READ_TIMEOUT, False)


async def test_an_order_number_used_before_leaves_the_charge_open() -> None:
    async with _serving(error(400, "DUPLICATED_ORDER_ID")) as (_, client):
        answer = await client.charge_billing_key(BILLING_KEY, CHARGE, idempotency_key="key-1")
    assert isinstance(answer, Unknown)
    assert answer.reason is UnknownReason.ALREADY_DONE


async def test_a_key_that_is_gone_charges_nothing() -> None:
    async with _serving(GONE) as (_, client):
        answer = await client.charge_billing_key(BILLING_KEY, CHARGE, idempotency_key="key-1")
    assert isinstance(answer, No)
    assert answer.refusal is Refusal.NOT_FOUND


@pytest.mark.parametrize("step", [reply(b""), reply(b"", status=204), reply(b"  \n"), reply(b'{"deleted":true}'), GONE])
async def test_a_deleted_key_is_yes_whenever_it_was_deleted(step: Step) -> None:
    async with _serving(step) as (toss, client):
        answer = await client.delete_billing_key(BILLING_KEY)
    assert isinstance(answer, Yes)
    assert (answer.value, toss.seen[0].method, toss.seen[0].body) == (None, "DELETE", b"")
    assert "Idempotency-Key" not in toss.seen[0].headers


async def test_the_audit_still_sees_that_it_was_gone_before() -> None:
    async with _serving(GONE) as (_, client):
        answer = await client.delete_billing_key(BILLING_KEY)
    assert isinstance(answer, Yes)
    assert (answer.call.http_status, answer.raw) == (400, answer.call.response_body)
    assert answer.raw["code"] == "ALREADY_REMOVED_BILLING_KEY"


@pytest.mark.parametrize("body", [b"null", b"[]", b"<html>", b"0"])
async def test_a_2xx_that_toss_would_not_send_does_not_delete(body: bytes) -> None:
    async with _serving(reply(body)) as (_, client):
        answer = await client.delete_billing_key(BILLING_KEY)
    assert isinstance(answer, Unknown)
    assert (answer.reason, answer.answered) == (UnknownReason.UNREADABLE, False)


async def test_a_deletion_that_aiohttp_repeats_comes_to_the_same() -> None:
    """The first DELETE works and its connection dies; the second is told so, and that is *yes*."""
    async with _serving(reply(CHARGED), reset(), GONE) as (toss, client):
        await client.read_payment("pk-1")
        answer = await client.delete_billing_key(BILLING_KEY)
    assert isinstance(answer, Yes)
    assert [seen.method for seen in toss.seen] == ["GET", "DELETE", "DELETE"]
    assert toss.seen[1].raw_path == toss.seen[2].raw_path == f"/v1/billing/{QUOTED_KEY}"


async def test_a_deletion_that_dies_every_time_is_unknown() -> None:
    async with _serving(reset()) as (toss, client):
        answer = await client.delete_billing_key(BILLING_KEY)
    assert isinstance(answer, Unknown)
    assert answer.reason is UnknownReason.CONNECTION_LOST
    assert len(toss.seen) <= 2


@pytest.mark.parametrize(
    "step",
    [
        reply(CHARGED),
        GONE,
        reset(),
        _echo(404),
        _echo(404, "NOT_FOUND"),
        _echo(400, "NOT_FOUND_BILLING"),
        _echo(500, "UNKNOWN_ERROR"),
        reply(f"<p>{BILLING_KEY}</p>".encode(), status=502),
        reply(b"[]"),
    ],
)
async def test_the_billing_key_shows_nowhere(step: Step) -> None:
    async with _serving(step) as (_, client):
        answers = [
            await client.charge_billing_key(BILLING_KEY, CHARGE, idempotency_key="key-1"),
            await client.delete_billing_key(BILLING_KEY),
        ]
    for answer in answers:
        assert answer.call.path == "/v1/billing/{billingKey}"
        kept = (repr(answer), repr(answer.call), repr(answer.call.response_body), getattr(answer, "message", ""))
        assert not any(key in str(text) for text in kept for key in (BILLING_KEY, QUOTED_KEY))


async def test_blanking_the_key_leaves_the_rest_of_an_error() -> None:
    async with _serving(_echo(404, "NOT_FOUND_BILLING")) as (_, client):
        answer = await client.charge_billing_key(BILLING_KEY, CHARGE, idempotency_key="key-1")
    assert isinstance(answer, No)
    assert (answer.code, answer.message) == ("NOT_FOUND_BILLING", "no …")
    body = answer.call.response_body
    assert body is not None
    assert (body["path"], body["errors"], body["status"]) == ("/v1/billing/…", [{"field": "…"}], 404)


async def test_the_issued_key_and_the_auth_key_stay_out_of_logs() -> None:
    body = (FIXTURES / "billing-card-2022-11-16.json").read_bytes()
    async with _serving(reply(body)) as (_, client):
        answer = await client.issue_billing_key(ISSUE, idempotency_key="key-1")
    assert isinstance(answer, Yes)
    for text in (repr(answer), repr(answer.call), repr(answer.value), repr(ISSUE)):
        assert BILLING_KEY not in text
        assert ISSUE.auth_key not in text


@pytest.mark.parametrize("key", ["", "..", "x" * 201, "secret\nkey"])
async def test_what_is_no_key_is_refused_without_being_shown(key: str) -> None:
    async with _serving(GONE) as (toss, client):
        with pytest.raises(ValueError, match="a key in a path") as charge:
            await client.charge_billing_key(key, CHARGE, idempotency_key="key-1")
        with pytest.raises(ValueError, match="a key in a path"):
            await client.delete_billing_key(key)
    assert toss.seen == []
    assert len(key) < 3 or key not in str(charge.value)


async def test_an_unreachable_toss_names_no_key() -> None:
    async with loopback(GONE) as toss:
        url = toss.url
    async with client_for(url) as client:
        answer = await client.delete_billing_key(BILLING_KEY)
    assert isinstance(answer, NotSent)
    assert BILLING_KEY not in repr(answer)
