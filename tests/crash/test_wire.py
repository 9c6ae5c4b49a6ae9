"""The borders of messages, however the bytes arrive."""

import struct
from collections.abc import Callable, Iterator

import pytest

from tests.crash.wire import HttpFraming, Message, PgFraming


def _pg(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!i", 4 + len(body)) + body


STARTUP = struct.pack("!ii", 8, 196608)
READY = _pg(b"Z", b"I")
PREPARE = _pg(b"P", b"s1\0SELECT  1\0\0\0") + _pg(b"D", b"Ss1\0") + _pg(b"H")
RUN = _pg(b"B", b"\0s1\0\0\0\0\0\0\0") + _pg(b"E", b"\0\0\0\0\0") + _pg(b"S")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
LENGTH = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"


def _in_pieces(cut: Callable[[bytes], Iterator[Message]], data: bytes, size: int) -> list[Message]:
    return [message for at in range(0, len(data), size) for message in cut(data[at : at + size])]


@pytest.mark.parametrize("size", [1, 3, 7, 10_000])
def test_each_flush_to_postgres_is_one_message(size: int) -> None:
    framing = PgFraming()
    data = STARTUP + _pg(b"Q", b"BEGIN;\0") + PREPARE + RUN
    found = _in_pieces(framing.client, data, size)
    assert [message.label for message in found] == ["connect", "BEGIN;", "prepare SELECT 1", "SELECT 1"]
    assert b"".join(message.data for message in found) == data


@pytest.mark.parametrize("size", [1, 3, 7, 10_000])
def test_each_answer_of_postgres_is_one_message(size: int) -> None:
    framing = PgFraming()
    list(framing.client(STARTUP + _pg(b"Q", b"BEGIN;\0") + PREPARE + RUN))
    hello = _pg(b"R", bytes(4)) + _pg(b"S", b"TimeZone\0UTC\0") + READY
    begun = _pg(b"C", b"BEGIN\0") + READY
    described = _pg(b"1") + _pg(b"t", bytes(2)) + _pg(b"T", bytes(2))
    done = _pg(b"2") + _pg(b"D", bytes(2)) + _pg(b"C", b"SELECT 1\0") + READY
    news = _pg(b"A", bytes(4) + b"channel\0\0")
    data = hello + begun + described + done + news
    found = _in_pieces(framing.server, data, size)
    answers = ["connect", "BEGIN;", "prepare SELECT 1", "SELECT 1"]
    assert [message.label for message in found] == [*(f"answer to {what}" for what in answers), "notification"]
    assert b"".join(message.data for message in found) == data


def test_an_error_ends_the_answer_to_a_flush() -> None:
    framing = PgFraming()
    list(framing.client(STARTUP + PREPARE))
    list(framing.server(READY))
    (found,) = framing.server(_pg(b"E", b"C42601\0\0"))
    assert found.label == "answer to prepare SELECT 1"


@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_requests_and_answers_of_http_are_whole(size: int) -> None:
    framing = HttpFraming()
    asked = b"POST /v1/payments/confirm HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
    read = b"GET /v1/payments/1 HTTP/1.1\r\nHost: x\r\n\r\n"
    assert [message.data for message in _in_pieces(framing.client, asked, size)] == [asked]
    (answer,) = _in_pieces(framing.server, CHUNKED, size)
    assert (answer.data, answer.label) == (CHUNKED, "200 to POST /v1/payments/confirm")
    assert [message.label for message in _in_pieces(framing.client, read, size)] == ["GET /v1/payments/1"]
    assert [message.label for message in _in_pieces(framing.server, LENGTH, size)] == ["404 to GET /v1/payments/1"]
