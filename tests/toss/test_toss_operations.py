"""Every call beyond a payment's own: what it sends, and each of the four outcomes."""

import base64
import json
import re
import socket

import pytest
from tests.toss.loopback import SECRET_KEY, client_for, error, loopback, reply, reset, slow
from tests.toss.operations import CASES, DOCUMENTED, Case

from paywon.toss.outcome import No, NotSent, NotSentReason, Unknown, UnknownReason, Yes

POSTS = [case for case in CASES if case.sent.startswith("POST")]
EVERY = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@EVERY
async def test_what_toss_documents_is_sent_and_its_answer_is_yes(case: Case) -> None:
    async with loopback(reply(case.reply)) as toss, client_for(toss.url) as client:
        answer = await case.ask(client)
    [seen] = toss.seen
    assert f"{seen.method} {seen.raw_path}" == case.sent
    assert (json.loads(seen.body) if seen.body else None) == case.body
    is_post = seen.method == "POST"
    assert seen.headers.getall("Idempotency-Key", []) == (["key-1"] if is_post else [])
    assert seen.headers.get("Content-Type") == ("application/json" if is_post else None)
    assert seen.headers["Authorization"] == "Basic " + base64.b64encode(f"{SECRET_KEY}:".encode()).decode()
    assert isinstance(answer, Yes)
    path, _, query = seen.raw_path.partition("?")
    assert (answer.call.method, answer.call.path) == (seen.method, case.shown or path)
    assert (answer.call.query, answer.call.request_body) == (query, case.body)
    assert answer.call.idempotency_key == ("key-1" if is_post else None)


@pytest.mark.parametrize("case", [case for case in CASES if case.documented], ids=lambda case: case.name)
def test_the_address_is_that_of_the_reference(case: Case) -> None:
    assert case.documented is not None
    row = DOCUMENTED[case.documented]
    template = re.sub(r"\\\{\w+\\\}", "[^/?]+", re.escape(f"{row['method']} {row['path']}"))
    assert re.fullmatch(template, case.sent)


@EVERY
async def test_what_was_answered_stands_beside_the_value(case: Case) -> None:
    async with loopback(reply(case.reply)) as toss, client_for(toss.url) as client:
        answer = await case.ask(client)
    assert isinstance(answer, Yes)
    stored = json.loads(case.reply) if case.reply else {}
    assert (answer.raw, answer.rows) == (({}, stored) if isinstance(stored, list) else (stored, []))
    assert answer.call.response_body == (stored if stored and isinstance(stored, dict) else None)


@EVERY
async def test_a_refusal_is_no(case: Case) -> None:
    status, code, kind = case.refusal
    async with loopback(error(status, code, "거절")) as toss, client_for(toss.url) as client:
        answer = await case.ask(client)
    assert isinstance(answer, No)
    assert (answer.refusal, answer.code, answer.message, answer.http_status) == (kind, code, "거절", status)


@EVERY
async def test_a_failure_that_may_pass_is_unknown_and_answered(case: Case) -> None:
    failure = error(500, "FAILED_INTERNAL_SYSTEM_PROCESSING")
    async with loopback(failure) as toss, client_for(toss.url) as client:
        answer = await case.ask(client)
    assert isinstance(answer, Unknown)
    assert (answer.reason, answer.answered, len(toss.seen)) == (UnknownReason.SERVER_ERROR, True, 1)


@EVERY
async def test_a_gateways_page_is_unknown_whatever_its_status(case: Case) -> None:
    page = b"<html>welcome</html>"
    async with loopback(reply(page), reply(page, status=502)) as toss, client_for(toss.url) as client:
        answers = [await case.ask(client) for _ in range(2)]
    reasons = [(type(answer), getattr(answer, "reason", None), getattr(answer, "answered", None)) for answer in answers]
    assert reasons == [
        (Unknown, UnknownReason.UNREADABLE, False),
        (Unknown, UnknownReason.SERVER_ERROR, False),
    ]


@EVERY
async def test_nobody_listening_is_not_sent(case: Case) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    async with client_for(f"http://127.0.0.1:{port}") as client:
        answer = await case.ask(client)
    assert isinstance(answer, NotSent)
    assert answer.reason is NotSentReason.REFUSED


@pytest.mark.parametrize("case", POSTS, ids=lambda case: case.name)
async def test_a_post_whose_connection_dies_is_unknown_and_not_repeated(case: Case) -> None:
    async with loopback(reply(b"[]"), reset(), reply(case.reply)) as toss, client_for(toss.url) as client:
        await client.promotions()
        answer = await case.ask(client)
    assert isinstance(answer, Unknown)
    assert (answer.reason, len(toss.seen)) == (UnknownReason.CONNECTION_LOST, 2)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_slow_calls_are_given_the_time_that_toss_asks_for(case: Case) -> None:
    async with loopback(slow(0.5, reply(case.reply))) as toss, client_for(toss.url, read_timeout_s=0.1) as client:
        answer = await case.ask(client)
    if case.name in ("billing charge", "transactions", "settlements"):
        assert isinstance(answer, Yes)
    else:
        assert isinstance(answer, Unknown)
        assert answer.reason is UnknownReason.READ_TIMEOUT
