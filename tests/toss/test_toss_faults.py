"""Faults on the way: not sent only where the request cannot have arrived, unknown everywhere else, never a retry."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from aiohttp import web
from tests.toss.loopback import DONE, SECRET_KEY, Step, client_for, drip, half, loopback, reply, reset, slow

from paywon.toss.outcome import NotSent, NotSentReason, Unknown, UnknownReason, Yes
from paywon.toss.wire import CancelPayment, ConfirmPayment

CONFIRM = ConfirmPayment(payment_key="pk-1", order_id="order-0001", amount=1000)


@contextmanager
def _listening() -> Iterator[str]:
    """host:port of a socket that takes connections into its backlog and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


async def test_nobody_listening_is_not_sent() -> None:
    with _listening() as address:
        pass
    async with client_for(f"http://{address}") as client:
        answer = await client.confirm(CONFIRM, idempotency_key="key-1")
    assert isinstance(answer, NotSent)
    assert answer.reason is NotSentReason.REFUSED
    assert (answer.call.http_status, answer.call.response_body) == (None, None)
    assert SECRET_KEY not in repr(answer)


async def test_an_unknown_host_is_not_sent() -> None:
    async with client_for("http://toss.invalid", connect_timeout_s=10) as client:
        answer = await client.confirm(CONFIRM, idempotency_key="key-1")
    assert isinstance(answer, NotSent)
    # A machine without any resolver may only run into the time-out.
    assert answer.reason in (NotSentReason.DNS, NotSentReason.CONNECT_TIMEOUT)


async def test_a_failed_tls_handshake_is_not_sent() -> None:
    async with loopback(reply(DONE)) as toss, client_for(toss.url.replace("http:", "https:")) as client:
        answer = await client.confirm(CONFIRM, idempotency_key="key-1")
    assert isinstance(answer, NotSent)
    assert answer.reason is NotSentReason.TLS
    assert toss.seen == []


async def test_a_handshake_that_hangs_is_not_sent() -> None:
    with _listening() as address:
        async with client_for(f"https://{address}", connect_timeout_s=0.2) as client:
            answer = await client.confirm(CONFIRM, idempotency_key="key-1")
    assert isinstance(answer, NotSent)
    assert answer.reason is NotSentReason.CONNECT_TIMEOUT


async def test_waiting_for_a_free_connection_in_vain_is_not_sent() -> None:
    async with (
        loopback(slow(1.0, reply(DONE))) as toss,
        client_for(toss.url, max_connections=1, queue_timeout_s=0.2) as client,
    ):
        first = asyncio.create_task(client.confirm(CONFIRM, idempotency_key="key-1"))
        while not toss.seen:
            await asyncio.sleep(0.01)
        second = await client.confirm(CONFIRM, idempotency_key="key-2")
        assert isinstance(await first, Yes)
    assert isinstance(second, NotSent)
    assert second.reason is NotSentReason.NO_FREE_CONNECTION
    assert [seen.headers["Idempotency-Key"] for seen in toss.seen] == ["key-1"]


async def test_waiting_in_line_takes_nothing_from_the_time_to_connect_and_to_answer() -> None:
    async with (
        loopback(slow(0.6, reply(DONE))) as toss,
        client_for(
            toss.url, max_connections=1, queue_timeout_s=5.0, connect_timeout_s=0.5, read_timeout_s=1.0
        ) as client,
    ):
        answers = await asyncio.gather(*(client.confirm(CONFIRM, idempotency_key=f"key-{n}") for n in range(4)))
    assert all(isinstance(answer, Yes) for answer in answers), answers


async def test_reads_take_no_connection_from_what_moves_money() -> None:
    async with (
        loopback(slow(1.0, reply(DONE))) as toss,
        client_for(toss.url, max_connections=1, max_read_connections=2, queue_timeout_s=0.3) as client,
    ):
        reads = [asyncio.create_task(client.read_payment("p-1")) for _ in range(4)]
        while len(toss.seen) < 2:
            await asyncio.sleep(0.01)
        assert isinstance(await client.confirm(CONFIRM, idempotency_key="key-1"), Yes)
        kinds = [(await read).kind for read in reads]
    assert sorted(kinds) == ["not_sent", "not_sent", "yes", "yes"]


@pytest.mark.parametrize(
    ("step", "reason", "status"),
    [
        (slow(3.0, reply(DONE)), UnknownReason.READ_TIMEOUT, None),
        (reset(), UnknownReason.CONNECTION_LOST, None),
        (half(DONE), UnknownReason.HALF_BODY, 200),
        (half(b'{"code":"REJECT_CARD_COMPANY","message":"x"}', status=403), UnknownReason.HALF_BODY, 403),
        (reply(b" " * 2_000_000), UnknownReason.TOO_LARGE, 200),
    ],
)
async def test_a_reply_that_does_not_arrive_whole_is_unknown_and_unanswered(
    step: Step, reason: UnknownReason, status: int | None
) -> None:
    async with loopback(step) as toss, client_for(toss.url, read_timeout_s=0.3) as client:
        answer = await client.confirm(CONFIRM, idempotency_key="key-1")
        seen = len(toss.seen)
    assert isinstance(answer, Unknown)
    assert (answer.reason, answer.answered, answer.code) == (reason, False, None)
    assert (answer.call.http_status, answer.call.request_body) == (status, CONFIRM.as_dict())
    assert SECRET_KEY not in repr(answer)
    assert seen == 1


async def test_a_dripping_reply_ends_too() -> None:
    async with (
        loopback(drip(0.1)) as toss,
        client_for(toss.url, read_timeout_s=0.3, connect_timeout_s=0.2) as client,
    ):
        answer = await client.read_payment("pk-1")
    assert isinstance(answer, Unknown)
    assert answer.reason is UnknownReason.READ_TIMEOUT
    assert answer.call.elapsed_ms < 3000


async def test_a_post_on_a_kept_connection_that_dies_is_unknown_and_not_repeated() -> None:
    async with loopback(reply(DONE), reset(), reply(DONE)) as toss, client_for(toss.url) as client:
        assert isinstance(await client.read_payment("pk-1"), Yes)
        answer = await client.cancel("pk-1", CancelPayment(cancel_reason="x"), idempotency_key="key-1")
        assert len(toss.seen) == 2
        assert isinstance(await client.read_payment("pk-1"), Yes)
    assert isinstance(answer, Unknown)
    assert answer.reason is UnknownReason.CONNECTION_LOST


async def test_a_get_on_a_kept_connection_that_dies_is_repeated_by_aiohttp() -> None:
    async with loopback(reply(DONE), reset(), reply(DONE)) as toss, client_for(toss.url) as client:
        assert isinstance(await client.read_payment("pk-1"), Yes)
        assert isinstance(await client.read_payment("pk-1"), Yes)
    assert len(toss.seen) == 3


async def test_what_was_sent_once_never_counts_as_not_sent() -> None:
    """aiohttp repeats the GET, and the repetition is refused: the first one went out all the same."""

    async def last_words(request: web.Request) -> web.StreamResponse:
        assert toss.site is not None
        await toss.site.stop()
        return await reset()(request)

    async with loopback(reply(DONE), last_words) as toss, client_for(toss.url) as client:
        assert isinstance(await client.read_payment("pk-1"), Yes)
        answer = await client.read_payment("pk-1")
        seen = len(toss.seen)
    assert isinstance(answer, Unknown)
    assert (answer.reason, answer.detail, seen) == (UnknownReason.CONNECTION_LOST, "ClientConnectorError", 2)


async def test_closing_the_client_ends_its_calls_as_unknown() -> None:
    async with loopback(slow(3.0, reply(DONE))) as toss:
        client = client_for(toss.url)
        call = asyncio.create_task(client.confirm(CONFIRM, idempotency_key="key-1"))
        while not toss.seen:
            await asyncio.sleep(0.01)
        await client.close()
        assert isinstance(await call, Unknown)


async def test_a_cancelled_caller_is_cancelled() -> None:
    async with loopback(slow(3.0, reply(DONE))) as toss, client_for(toss.url) as client:
        call = asyncio.create_task(client.confirm(CONFIRM, idempotency_key="key-1"))
        while not toss.seen:
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


@pytest.mark.parametrize("count", [30])
async def test_many_calls_at_once_keep_apart(count: int) -> None:
    async with loopback(slow(0.05, reply(DONE))) as toss, client_for(toss.url, max_connections=5) as client:
        answers = await asyncio.gather(*(client.confirm(CONFIRM, idempotency_key=f"key-{n}") for n in range(count)))
    assert all(isinstance(answer, Yes) for answer in answers)
    assert {answer.call.idempotency_key for answer in answers} == {f"key-{n}" for n in range(count)}
    assert len(toss.seen) == count
