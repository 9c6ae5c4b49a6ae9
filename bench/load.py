"""A small HTTP/1.1 client that is faster than what it measures: kept connections, one request at a time on each."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import cast

BASIC = "Basic " + base64.b64encode(b"test_sk_bench:").decode()
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """The bytes of one request."""
    head = f"{method} {path} HTTP/1.1\r\nhost: sandbox\r\nauthorization: {BASIC}\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class Measured:
    """What a run has shown."""

    seconds: float
    latencies_s: list[float]
    bodies: list[bytes] = field(repr=False)

    @property
    def count(self) -> int:
        """How many requests were answered."""
        return len(self.latencies_s)

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.count / self.seconds

    @property
    def p50_ms(self) -> float:
        """Half of them took at most this."""
        return self._percentile(0.50)

    @property
    def p99_ms(self) -> float:
        """One in a hundred took longer."""
        return self._percentile(0.99)

    def _percentile(self, part: float) -> float:
        return sorted(self.latencies_s)[int(self.count * part)] * 1000


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], measured: Measured, ended: asyncio.Future[None]) -> None:
        self._requests, self._measured, self._ended = requests, measured, ended
        self._received, self._sent_at = b"", 0.0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not registered as such.
        self._transport = cast(asyncio.WriteTransport, transport)
        self._send_next()

    def _send_next(self) -> None:
        assert self._transport is not None
        wanted = next(self._requests, None)
        if wanted is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(wanted)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(_HEAD_END)
        if end < 0:
            return
        at = self._received.index(_LENGTH) + len(_LENGTH)
        length = int(self._received[at : self._received.index(b"\r", at)])
        body = self._received[end + len(_HEAD_END) :]
        if len(body) < length:
            return
        if not self._received.startswith(b"HTTP/1.1 200"):
            self._ended.set_exception(RuntimeError(self._received.decode()))
            return
        self._measured.latencies_s.append(time.perf_counter() - self._sent_at)
        self._measured.bodies.append(body)
        self._received = b""
        self._send_next()

    def connection_lost(self, problem: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_result(None)


class Load:
    """So many customers at once."""

    def __init__(self, port: int, connections: int) -> None:
        self._port, self._connections = port, connections

    async def run(self, requests: Iterator[bytes]) -> Measured:
        """Send every request; raises for an answer that is not 200."""
        loop = asyncio.get_running_loop()
        measured = Measured(0.0, [], [])
        ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(self._connections)]
        started = time.perf_counter()
        for ended in ends:
            customer = partial(_Connection, requests, measured, ended)
            await loop.create_connection(customer, "127.0.0.1", self._port)
        await asyncio.gather(*ends)
        measured.seconds = time.perf_counter() - started
        return measured
