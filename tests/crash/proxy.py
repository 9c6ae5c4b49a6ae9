"""A TCP proxy that stands between a process and a server, and shows each message to a watcher before it goes on."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final, Literal

from tests.crash.wire import Framing, HttpFraming, Message, PgFraming, offers_encryption

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Watcher = Callable[["Link", Message], bool]
"""Told of a message that is about to be forwarded; answers whether it may be."""

_CHUNK_BYTES: Final = 1 << 18
_RESET: Final = struct.pack("ii", 1, 0)


class Link:
    """One connection through a proxy, both its halves."""

    def __init__(self, about: Literal["pg", "toss"], client: Streams, server: Streams) -> None:
        self.about = about
        self._client, self._server = client, server

    def cut(self) -> None:
        """Break both halves at once, with a reset where the kernel has one."""
        for _, writer in (self._client, self._server):
            peer = writer.get_extra_info("socket")
            if peer is not None and peer.family != socket.AF_UNIX:
                with contextlib.suppress(OSError):
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    async def run(self, framing: Framing, watcher: Watcher) -> None:
        """Carry messages both ways until either half ends."""

        async def carry(source: Streams, sink: Streams, cut: Callable[[bytes], object]) -> None:
            while data := await source[0].read(_CHUNK_BYTES):
                for message in cut(data):  # type: ignore[attr-defined]
                    if not watcher(self, message):
                        return
                    sink[1].write(message.data)
                await sink[1].drain()

        halves = [
            asyncio.create_task(carry(self._client, self._server, framing.client)),
            asyncio.create_task(carry(self._server, self._client, framing.server)),
        ]
        await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
        for half in halves:
            half.cancel()
        await asyncio.gather(*halves, return_exceptions=True)
        for _, writer in (self._client, self._server):
            writer.close()


class Proxy:
    """Listens on a port of the loopback interface and connects on to one server."""

    def __init__(
        self, about: Literal["pg", "toss"], connect: Callable[[], Awaitable[Streams]], watcher: Watcher
    ) -> None:
        self.about, self._connect, self._watcher = about, connect, watcher
        self.links: set[Link] = set()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None, "only an open proxy is closed"
        self._server.close()
        self.cut_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut_all(self) -> None:
        for link in list(self.links):
            link.cut()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio runs this in a task"
        self._tasks.add(task)
        try:
            await self._serve((reader, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client left, the server is down, or the proxy is closed
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _serve(self, client: Streams) -> None:
        first = b"" if self.about == "toss" else await self._first_of_pg(client)
        server = await self._connect()
        link = Link(self.about, client, server)
        self.links.add(link)
        framing: Framing = PgFraming() if self.about == "pg" else HttpFraming()
        try:
            for message in framing.client(first):
                if not self._watcher(link, message):
                    return
                server[1].write(message.data)
            await link.run(framing, self._watcher)
        finally:
            self.links.discard(link)
            server[1].transport.abort()

    async def _first_of_pg(self, client: Streams) -> bytes:
        """Read the first eight bytes of the startup packet, past any offer of encryption."""
        while offers_encryption(first := await client[0].readexactly(8)):
            client[1].write(b"N")
        return first
