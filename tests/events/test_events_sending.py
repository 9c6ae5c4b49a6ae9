"""One delivery over a real socket: where it goes, what is read of the answer, and how long it may take."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from paywon.db.pool import Database
from paywon.events.model import MAX_KEPT_ANSWER, Outcome
from paywon.events.sending import Sender, open_sender
from tests.support.listener import Heard, Listener, open_listener

BODY = b'{"type": "endpoint.test", "data": {}}'


class Names(AbstractResolver):
    """A name server that says something else each time, as one does that wants to get round a check."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers, self.asked = list(answers), 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(hostname=host, host=address, port=port, family=_family(address), proto=0, flags=0)
            for address in answer
        ]

    async def close(self) -> None:
        pass


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with open_listener() as listener:
        yield listener


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    """As in development: this machine may be reached."""
    async with open_sender(dev=True, timeout_s=1) as sender:
        yield sender


async def send(sender: Sender, url: str) -> Outcome:
    return await sender.send(url, {"webhook-id": "1"}, BODY)


async def test_an_event_arrives_as_it_was_written(sender: Sender, listener: Listener) -> None:
    outcome = await send(sender, listener.url)
    assert (outcome.http_status, outcome.error, outcome.answer, outcome.accepted) == (200, None, "들었습니다", True)
    assert outcome.duration_ms >= 0
    (heard,) = listener.heard
    assert (heard.id, heard.type) == ("1", "endpoint.test")


# --- Where it goes -------------------------------------------------------------------------------------


async def test_outside_development_this_machine_is_out_of_reach(listener: Listener) -> None:
    port = listener.url.rpartition(":")[2]
    async with open_sender(dev=False) as sender:
        for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"):  # noqa: S104
            outcome = await send(sender, f"http://{host}:{port}")
            assert (outcome.error, outcome.http_status) == ("FORBIDDEN_ADDRESS", None), host
    assert listener.heard == []


@pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]", "224.0.0.1", "[64:ff9b::a00:1]"])
async def test_what_is_forbidden_is_not_even_tried(host: str) -> None:
    async with open_sender(dev=False) as sender:
        began = time.monotonic()
        assert (await send(sender, f"http://{host}/")).error == "FORBIDDEN_ADDRESS"
        assert time.monotonic() - began < 3, "no packet was waited for"


async def test_a_name_that_means_something_else_a_moment_later_leads_nowhere(listener: Listener) -> None:
    """DNS rebinding: public when it is checked, this machine when it is connected to."""
    names = Names(["1.1.1.1"], ["127.0.0.1"])
    port = listener.url.rpartition(":")[2]
    async with open_sender(dev=False, resolver=names) as sender:
        assert await sender.why_unreachable("rebound.example") is None
        assert (await send(sender, f"http://rebound.example:{port}")).error == "FORBIDDEN_ADDRESS"
    assert (listener.heard, names.asked) == ([], 2)


async def test_a_name_that_also_leads_inside_leads_nowhere(listener: Listener) -> None:
    port = listener.url.rpartition(":")[2]
    async with open_sender(dev=False, resolver=Names(["1.1.1.1", "127.0.0.1"])) as sender:
        assert (await sender.why_unreachable("both.example")) == "127.0.0.1: loopback"
        assert (await send(sender, f"http://both.example:{port}")).error == "FORBIDDEN_ADDRESS"
    assert listener.heard == []


async def test_every_connection_asks_for_the_name_anew(listener: Listener) -> None:
    names = Names(["127.0.0.1"])
    port = listener.url.rpartition(":")[2]
    listener.answer = lambda _: web.Response(headers={"Connection": "close"})
    async with open_sender(dev=True, resolver=names) as sender:
        for _ in range(3):
            assert (await send(sender, f"http://app.example:{port}")).accepted
    assert names.asked == 3


def _moved(status: int, _: Heard) -> web.Response:
    return web.Response(status=status, headers={"Location": "/elsewhere"})


async def test_a_redirect_is_not_followed(sender: Sender, listener: Listener) -> None:
    for status in (301, 302, 303, 307, 308):
        listener.answer = partial(_moved, status)
        outcome = await send(sender, listener.url)
        assert (outcome.http_status, outcome.error, outcome.accepted) == (status, "REDIRECT", False)
    assert len(listener.heard) == 5


async def test_a_proxy_of_the_environment_is_not_asked(
    sender: Sender, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert (await send(sender, listener.url)).accepted


async def test_cookies_are_not_kept(sender: Sender, listener: Listener) -> None:
    listener.answer = lambda _: web.Response(headers={"Set-Cookie": "who=you"})
    await send(sender, listener.url)
    await send(sender, listener.url)
    assert "cookie" not in listener.heard[1].headers


# --- What comes back -----------------------------------------------------------------------------------


async def test_only_the_beginning_of_an_answer_is_kept_and_it_is_redacted(sender: Sender, listener: Listener) -> None:
    listener.answer = lambda _: web.Response(text=f"card 4111 1111 1111 1111\x00 {'가' * 10_000}")
    answer = (await send(sender, listener.url)).answer
    assert answer is not None
    assert answer.startswith("card [redacted]\ufffd 가")
    assert len(answer) == MAX_KEPT_ANSWER


async def test_what_is_no_text_is_shown_as_far_as_it_can_be(sender: Sender, listener: Listener) -> None:
    listener.answer = lambda _: web.Response(body=b"\xff\xfe ok")
    assert (await send(sender, listener.url)).answer == "\ufffd\ufffd ok"
    listener.answer = lambda _: web.Response(status=204)
    assert (await send(sender, listener.url)).answer is None


Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(talk: Connected, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        yield port


async def test_an_answer_without_an_end_is_cut_off() -> None:
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 99999999999\r\n\r\n")
        try:
            while True:
                writer.write(b"a" * 65536)
                await writer.drain()
                sent += 65536
        except ConnectionError:
            writer.close()

    async with raw_server(talk) as port, open_sender(dev=True) as sender:
        began = time.monotonic()
        outcome = await send(sender, f"http://127.0.0.1:{port}")
        assert time.monotonic() - began < 10
    assert (outcome.accepted, outcome.answer) == (True, "a" * MAX_KEPT_ANSWER)
    assert sent < 50_000_000


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", b"a:b\r\n"])
async def test_an_endpoint_that_says_little_takes_no_longer_than_it_may(sender: Sender, said: bytes) -> None:
    done = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await done.wait()
        writer.close()

    async with raw_server(talk) as port:
        outcome = await send(sender, f"http://127.0.0.1:{port}")
        done.set()
    assert outcome.error in ("TIMEOUT", "BROKEN_OFF")
    assert not outcome.accepted
    assert outcome.duration_ms < 10_000


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200\r\nX: " + b"a" * 90_000,
    ],
    ids=["nothing", "nonsense", "half", "a header without an end"],
)
async def test_what_is_no_answer_is_none(sender: Sender, said: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with raw_server(talk) as port:
        outcome = await send(sender, f"http://127.0.0.1:{port}")
    assert (outcome.error, outcome.accepted) == ("BROKEN_OFF", False)


async def test_a_compressed_answer_is_not_blown_up(sender: Sender, listener: Listener) -> None:
    listener.answer = lambda _: web.Response(body=b"\x1f\x8b broken", headers={"Content-Encoding": "gzip"})
    outcome = await send(sender, listener.url)
    assert (outcome.accepted, outcome.answer) == (True, "\x1f\ufffd broken")


async def test_who_is_not_there(sender: Sender) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        assert (await send(sender, f"http://127.0.0.1:{probe.getsockname()[1]}/")).error == "NOT_CONNECTED"
    assert (await send(sender, "http://a..b/")).error == "NOT_CONNECTED"


async def test_a_certificate_that_does_not_fit_is_refused(sender: Sender, tmp_path: Path) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with raw_server(talk, _self_signed(tmp_path)) as port:
        assert (await send(sender, f"https://127.0.0.1:{port}/")).error == "TLS"


def _self_signed(folder: Path) -> ssl.SSLContext:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "tls.pem").write_bytes(secret + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.pem")
    return context


async def test_nothing_is_sent_while_a_transaction_is_open(db: Database, sender: Sender, listener: Listener) -> None:
    async with db.transaction():
        with pytest.raises(RuntimeError, match="I11"):
            await send(sender, listener.url)
    assert listener.heard == []
