"""The client over a real socket: what it sends, and the answers that arrive whole."""

import base64
import json
from urllib.parse import unquote

import pytest
from aiohttp import web
from tests.toss.loopback import DONE, FIXTURES, SECRET_KEY, client_for, error, loopback, reply

from paywon.toss.client import TossClient
from paywon.toss.errors import Refusal
from paywon.toss.outcome import No, Unknown, UnknownReason, Yes
from paywon.toss.wire import CancelPayment, ConfirmPayment, CreatePayment

CONFIRM = ConfirmPayment(payment_key="pk-1", order_id="order-0001", amount=1000)
CANCEL = CancelPayment(cancel_reason="고객이 취소를 원함", cancel_amount=300)
CREATE = CreatePayment(
    method="CARD",
    amount=1000,
    order_id="order-0001",
    order_name="토스 티셔츠",
    success_url="https://shop.example/success",
    fail_url="https://shop.example/fail",
)


async def test_confirm_sends_what_toss_documents() -> None:
    trace = {"x-tosspayments-trace-id": "trace-1"}
    async with loopback(reply(DONE, headers=trace)) as toss, client_for(toss.url) as client:
        answer = await client.confirm(CONFIRM, idempotency_key="key-1")
    [seen] = toss.seen
    assert (seen.method, seen.raw_path) == ("POST", "/v1/payments/confirm")
    assert json.loads(seen.body) == {"paymentKey": "pk-1", "orderId": "order-0001", "amount": 1000}
    assert seen.headers.getall("Idempotency-Key") == ["key-1"]
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.headers["Authorization"] == "Basic " + base64.b64encode(f"{SECRET_KEY}:".encode()).decode()
    assert isinstance(answer, Yes)
    assert answer.value.total_amount == 1000
    assert answer.raw == json.loads(DONE)
    call = answer.call
    assert (call.method, call.path, call.idempotency_key) == ("POST", "/v1/payments/confirm", "key-1")
    assert (call.request_body, call.response_body) == (json.loads(seen.body), json.loads(DONE))
    assert (call.http_status, call.trace_id) == (200, "trace-1")
    assert 0 <= call.elapsed_ms < 60_000


async def test_every_call_has_its_path_and_only_posts_have_a_key() -> None:
    async with loopback(reply(DONE)) as toss, client_for(toss.url) as client:
        answers = [
            await client.create_payment(CREATE, idempotency_key="a"),
            await client.cancel("pk-1", CANCEL, idempotency_key="b"),
            await client.read_payment("pk-1"),
            await client.read_payment_by_order("order-0001"),
        ]
    assert all(isinstance(answer, Yes) for answer in answers)
    assert [(seen.method, seen.raw_path, seen.headers.getall("Idempotency-Key", [])) for seen in toss.seen] == [
        ("POST", "/v1/payments", ["a"]),
        ("POST", "/v1/payments/pk-1/cancel", ["b"]),
        ("GET", "/v1/payments/pk-1", []),
        ("GET", "/v1/payments/orders/order-0001", []),
    ]
    assert [seen.body for seen in toss.seen[2:]] == [b"", b""]
    assert answers[3].call.request_body is None


@pytest.mark.parametrize("key", ["a/b", "../x", "a?b=c", "a#b", "a b", "100%", "a%2Fb", "키", "Z_t5=", "a;b"])
async def test_a_key_cannot_leave_its_path_segment(key: str) -> None:
    async with loopback(reply(DONE)) as toss, client_for(toss.url) as client:
        answer = await client.read_payment(key)
    [seen] = toss.seen
    prefix, segment = seen.raw_path.rsplit("/", 1)
    assert (prefix, unquote(segment)) == ("/v1/payments", key)
    assert not set(segment) & set("?#; ")
    assert answer.call.path == seen.raw_path


@pytest.mark.parametrize("key", ["", ".", "..", "x" * 201, "a\nb", "\ud800"])
async def test_a_key_that_is_no_segment_is_refused(key: str) -> None:
    async with loopback(reply(DONE)) as toss, client_for(toss.url) as client:
        with pytest.raises(ValueError, match="a key in a path"):
            await client.read_payment(key)
        with pytest.raises(ValueError, match="a key in a path"):
            await client.cancel(key, CANCEL, idempotency_key="b")
    assert toss.seen == []


@pytest.mark.parametrize("key", ["", "k" * 301, "a b", "a\r\nX-Evil: 1", "키"])
async def test_an_idempotency_key_that_toss_would_refuse_is_not_sent(key: str) -> None:
    async with loopback(reply(DONE)) as toss, client_for(toss.url) as client:
        with pytest.raises(ValueError, match="idempotency key"):
            await client.confirm(CONFIRM, idempotency_key=key)
    assert toss.seen == []


async def test_the_longest_idempotency_key_is_sent() -> None:
    async with loopback(reply(DONE)) as toss, client_for(toss.url) as client:
        assert isinstance(await client.confirm(CONFIRM, idempotency_key="k" * 300), Yes)
    assert toss.seen[0].headers["Idempotency-Key"] == "k" * 300


async def test_a_refusal_is_no() -> None:
    async with loopback(error(403, "REJECT_CARD_COMPANY", "거절")) as toss, client_for(toss.url) as client:
        answer = await client.confirm(CONFIRM, idempotency_key="key-1")
    assert isinstance(answer, No)
    assert (answer.refusal, answer.message, answer.http_status) == (Refusal.DECLINED, "거절", 403)
    assert answer.call.response_body == {"code": "REJECT_CARD_COMPANY", "message": "거절"}


async def test_a_payment_that_toss_does_not_know_is_no() -> None:
    async with loopback(error(404, "NOT_FOUND_PAYMENT")) as toss, client_for(toss.url) as client:
        answer = await client.read_payment_by_order("order-0001")
    assert isinstance(answer, No)
    assert answer.refusal is Refusal.NOT_FOUND


async def test_recorded_errors_arrive_as_themselves() -> None:
    rows = json.loads((FIXTURES / "error-bodies.json").read_bytes())
    steps = [reply(json.dumps(row["body"]).encode(), status=row["http_status"]) for row in rows]
    async with loopback(*steps) as toss, client_for(toss.url) as client:
        answers = [await client.confirm(CONFIRM, idempotency_key=f"key-{n}") for n in range(len(rows))]
    for row, answer in zip(rows, answers, strict=True):
        assert isinstance(answer, No | Unknown)
        assert (answer.code, answer.message) == (row["body"]["code"], row["body"]["message"])
        assert answer.call.http_status == row["http_status"]


async def test_running_and_limited_ask_for_the_same_key() -> None:
    running = error(409, "IDEMPOTENT_REQUEST_PROCESSING")
    limited = reply(b"", status=429, headers={"Retry-After": "3"})
    async with loopback(running, limited) as toss, client_for(toss.url) as client:
        first = await client.confirm(CONFIRM, idempotency_key="key-1")
        second = await client.confirm(CONFIRM, idempotency_key="key-1")
    assert isinstance(first, Unknown)
    assert isinstance(second, Unknown)
    assert (first.reason, first.answered) == (UnknownReason.RUNNING, False)
    assert (second.reason, second.answered, second.retry_after_s) == (UnknownReason.RATE_LIMITED, False, 3.0)


async def test_a_replay_keeps_both_trace_ids() -> None:
    async def twice_traced(_request: web.Request) -> web.StreamResponse:
        response = web.Response(body=DONE)
        response.headers.add("x-tosspayments-trace-id", "trace-1")
        response.headers.add("x-tosspayments-trace-id", "trace-2")
        return response

    async with loopback(twice_traced) as toss, client_for(toss.url) as client:
        answer = await client.read_payment("pk-1")
    assert answer.call.trace_id == "trace-1,trace-2"


async def test_a_redirect_is_not_followed() -> None:
    away = reply(b"", status=307, headers={"Location": "/elsewhere"})
    async with loopback(away) as toss, client_for(toss.url) as client:
        answer = await client.confirm(CONFIRM, idempotency_key="key-1")
    assert isinstance(answer, Unknown)
    assert (answer.reason, len(toss.seen)) == (UnknownReason.REDIRECTED, 1)


async def test_a_base_url_may_have_a_path_and_a_slash() -> None:
    async with loopback(reply(DONE)) as toss, client_for(toss.url + "/toss/") as client:
        await client.read_payment("pk-1")
    assert toss.seen[0].raw_path == "/toss/v1/payments/pk-1"


async def test_the_hook_runs_before_each_request_and_may_stop_it() -> None:
    calls: list[int] = []

    def hook() -> None:
        calls.append(len(toss.seen))
        if len(calls) == 3:
            raise AssertionError("a transaction is open")

    async with loopback(reply(DONE)) as toss, client_for(toss.url, before_call=hook) as client:
        await client.read_payment("pk-1")
        await client.confirm(CONFIRM, idempotency_key="key-1")
        with pytest.raises(AssertionError, match="a transaction is open"):
            await client.cancel("pk-1", CANCEL, idempotency_key="key-2")
    assert calls == [0, 1, 2]
    assert len(toss.seen) == 2


async def test_connections_are_kept_and_a_closed_client_says_so() -> None:
    async with loopback(reply(DONE)) as toss:
        client = client_for(toss.url)
        await client.close()
        await client.close()
        with pytest.raises(RuntimeError, match="closed"):
            await client.read_payment("pk-1")
    assert toss.seen == []


async def test_the_secret_key_shows_nowhere() -> None:
    async with loopback(reply(DONE), error(401, "UNAUTHORIZED_KEY")) as toss, client_for(toss.url) as client:
        answers = [await client.confirm(CONFIRM, idempotency_key="key-1") for _ in range(2)]
    encoded = base64.b64encode(f"{SECRET_KEY}:".encode()).decode()
    for text in (repr(client), str(client), *map(repr, answers), *(repr(answer.call) for answer in answers)):
        assert SECRET_KEY not in text
        assert encoded not in text
        assert "ps_" not in text  # nor what a webhook is compared with


@pytest.mark.parametrize(
    ("secret_key", "reason"),
    [
        ("", "empty"),
        ("\ufefftest_sk_abc", "byte order mark"),
        (" test_sk_abc", "white space"),
        ("test_sk_abc\n", "white space"),
        ("test_sk_ab c", "white space"),
        ("test_sk_가", "outside ASCII"),
        ("test_sk_abc:", "colon"),
        ("test_ck_abc", "client key"),
        ("live_gck_abc", "client key"),
    ],
)
def test_a_key_that_toss_would_refuse_is_refused_without_being_shown(secret_key: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        TossClient(base_url="https://api.tosspayments.com", secret_key=secret_key)
    assert secret_key.strip() not in str(caught.value) or not secret_key


@pytest.mark.parametrize("secret_key", ["test_sk_abc", "live_sk_abc", "test_gsk_abc", "live_gsk_abc", "sandbox"])
def test_a_secret_key_is_taken(secret_key: str) -> None:
    TossClient(base_url="https://api.tosspayments.com", secret_key=secret_key)


@pytest.mark.parametrize(
    ("base_url", "secret_key"),
    [
        ("", "test_sk_a"),
        ("api.tosspayments.com", "test_sk_a"),
        ("ftp://toss.example", "test_sk_a"),
        ("https://user:secret@toss.example", "test_sk_a"),
        ("https://toss.example?x=1", "test_sk_a"),
        ("https://toss.example#x", "test_sk_a"),
        ("http://[::1", "test_sk_a"),
        ("http://toss.example", "live_sk_a"),
        ("http://toss.example", "live_gsk_a"),
    ],
)
def test_a_base_url_that_would_leak_or_miss_is_refused(base_url: str, secret_key: str) -> None:
    with pytest.raises(ValueError, match=r"base_url|https"):
        TossClient(base_url=base_url, secret_key=secret_key)


def test_a_live_key_may_go_to_the_loopback_in_clear_text() -> None:
    TossClient(base_url="http://127.0.0.1:3900", secret_key="live_sk_a")
