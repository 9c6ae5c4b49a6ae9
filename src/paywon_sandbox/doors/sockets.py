"""Really losing a connection, which no ASGI message can do.

Granian runs in this process, so the accepted socket is one of this process's file descriptors: it is found by its
peer address and shut down under the server's hands.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

_FD_DIRECTORY = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"


@contextlib.contextmanager
def _connection(client: tuple[str, int]) -> Iterator[socket.socket | None]:
    found = next((sock for sock in _own_sockets() if _is_peer(sock, client)), None)
    try:
        yield found
    finally:
        if found is not None:
            found.close()


def _own_sockets() -> Iterator[socket.socket]:
    """Duplicates of every socket of this process; those not taken are closed again."""
    for name in [entry.name for entry in Path(_FD_DIRECTORY).iterdir()]:
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            sock = socket.socket(fileno=os.dup(int(name)))
        except (OSError, ValueError):
            continue
        yield sock


def _is_peer(sock: socket.socket, client: tuple[str, int]) -> bool:
    with contextlib.suppress(OSError):
        if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.getpeername()[:2] == client:
            return True
    sock.close()
    return False


def hang_up(client: tuple[str, int]) -> None:
    """Close the client's connection without an answer."""
    with _connection(client) as sock:
        if sock is not None:
            _shut(sock)


def send_and_hang_up(client: tuple[str, int], data: bytes) -> None:
    """Send raw bytes, then close: a reply that is cut in the middle."""
    with _connection(client) as sock:
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.send(data)
            _shut(sock)


def reset(client: tuple[str, int]) -> None:
    """Make the client see "connection reset by peer" (RST); outside Linux it may see a plain close."""
    with _connection(client) as sock:
        if sock is None:
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if sys.platform == "linux":
            # connect() to AF_UNSPEC aborts a connection at once, whoever else holds the descriptor.
            ctypes.CDLL(None).connect(sock.fileno(), ctypes.create_string_buffer(16), 16)
        _shut(sock)


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
