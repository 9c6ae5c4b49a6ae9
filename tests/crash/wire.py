"""Where messages begin and end: PostgreSQL's protocol and HTTP/1.1, as far as two proxies need it.

A *message* here is what one side sends before it waits for the other. PostgreSQL's extended protocol puts several
protocol messages into one such flush (Parse, Describe, Flush; then Bind, Execute, Sync), and the other side can do
nothing with half of it, so a death between two of them leaves the same as a death before the first.
"""

import re
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

_SSL_REQUEST, _GSS_REQUEST, _CANCEL_REQUEST = 80877103, 80877104, 80877102
_FRONT_BORDERS: Final = b"SHQXpcfF"
_LABEL_CHARS: Final = 70


@dataclass(frozen=True, slots=True)
class Message:
    """One message, whole: its bytes and what it is called in reports."""

    data: bytes
    label: str
    from_client: bool
    about: str
    """``pg`` or ``toss``."""


class Framing(Protocol):
    """Cuts the bytes of one connection into messages; each direction is fed by itself."""

    def client(self, data: bytes) -> Iterator[Message]: ...

    def server(self, data: bytes) -> Iterator[Message]: ...


class PgFraming:
    """PostgreSQL's protocol 3.0, without COPY and without encryption."""

    def __init__(self) -> None:
        self._up, self._down = bytearray(), bytearray()
        self._group_up, self._group_down = bytearray(), bytearray()
        self._started = False
        self._words: list[str] = []
        self._statements: dict[bytes, str] = {}
        # What the server has not answered yet: how its answer ends, and what it was asked.
        self._asked: deque[tuple[str, str]] = deque()

    def client(self, data: bytes) -> Iterator[Message]:
        self._up += data
        if not self._started:
            yield from self._startup()
            return
        while (taken := _take(self._up)) is not None:
            kind, body, whole = taken
            self._group_up += whole
            self._note(kind, body)
            if kind in _FRONT_BORDERS:
                yield self._asking(kind)

    def server(self, data: bytes) -> Iterator[Message]:
        self._down += data
        while (taken := _take(self._down)) is not None:
            kind, body, whole = taken
            self._group_down += whole
            if self._ends_answer(kind, body):
                yield self._answer(kind)

    def _startup(self) -> Iterator[Message]:
        """The first packet has no type. Offers of encryption are declined by the proxy and never come here."""
        if len(self._up) < 8:
            return
        length, code = struct.unpack_from("!ii", self._up)
        if len(self._up) < length:
            return
        whole = bytes(self._up[:length])
        del self._up[:length]
        self._started = True
        self._asked.append(("Z", "connect"))
        yield Message(whole, "cancel" if code == _CANCEL_REQUEST else "connect", True, "pg")
        yield from self.client(b"")

    def _note(self, kind: int, body: bytes) -> None:
        if kind == ord("Q"):
            self._words.append(_short(body[:-1]))
        elif kind == ord("P"):
            name, query, _ = body.split(b"\0", 2)
            self._statements[name] = _short(query)
            self._words.append("prepare " + self._statements[name])
        elif kind == ord("B"):
            name = body.split(b"\0", 2)[1]
            self._words.append(self._statements.get(name, "?"))

    def _asking(self, kind: int) -> Message:
        label = "; ".join(self._words) or chr(kind)
        self._words.clear()
        if kind in b"SQH":
            self._asked.append(("flush" if kind == ord("H") else "Z", label))
        data = bytes(self._group_up)
        self._group_up.clear()
        return Message(data, label, True, "pg")

    def _ends_answer(self, kind: int, body: bytes) -> bool:
        if kind == ord("Z") or not self._asked:
            return True  # a notification, or the server's farewell
        if self._asked[0] == ("Z", "connect"):
            return kind == ord("E") or (kind == ord("R") and body[:4] != b"\0\0\0\0")
        return self._asked[0][0] == "flush" and kind in b"TnE"

    def _answer(self, kind: int) -> Message:
        data = bytes(self._group_down)
        self._group_down.clear()
        if not self._asked:
            return Message(data, "notification" if kind == ord("A") else "farewell", False, "pg")
        end, label = self._asked[0]
        if kind == ord("Z") or end == "flush":
            self._asked.popleft()
        return Message(data, "answer to " + label, False, "pg")


class HttpFraming:
    """HTTP/1.1 with kept connections, ``Content-Length`` or chunked bodies, without pipelining."""

    def __init__(self) -> None:
        self._up, self._down = bytearray(), bytearray()
        self._asked = "?"

    def client(self, data: bytes) -> Iterator[Message]:
        self._up += data
        while (length := _http_length(self._up, is_request=True)) is not None:
            whole = bytes(self._up[:length])
            del self._up[:length]
            method, path, _ = whole.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
            self._asked = f"{method} {path}"[:_LABEL_CHARS]
            yield Message(whole, self._asked, True, "toss")

    def server(self, data: bytes) -> Iterator[Message]:
        self._down += data
        while (length := _http_length(self._down, is_request=False)) is not None:
            whole = bytes(self._down[:length])
            del self._down[:length]
            status = whole[9:12].decode("latin-1")
            yield Message(whole, f"{status} to {self._asked}", False, "toss")


def offers_encryption(packet: bytes) -> bool:
    """Whether a connection's first eight bytes ask for TLS or GSS, to be answered with N."""
    return struct.unpack("!ii", packet) in ((8, _SSL_REQUEST), (8, _GSS_REQUEST))


def _take(buffer: bytearray) -> tuple[int, bytes, bytes] | None:
    """Cut one typed protocol message off the front: its type, its body, all of it."""
    if len(buffer) < 5:
        return None
    (length,) = struct.unpack_from("!i", buffer, 1)
    if len(buffer) < 1 + length:
        return None
    whole = bytes(buffer[: 1 + length])
    del buffer[: 1 + length]
    return whole[0], whole[5:], whole


def _short(query: bytes) -> str:
    return " ".join(query.decode(errors="replace").split())[:_LABEL_CHARS]


def _http_length(buffer: bytearray, *, is_request: bool) -> int | None:
    """How long the message at the front is; None while it is not complete."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(buffer[:end]).lower() + b"\r\n"
    start = end + 4
    if not is_request and (head[9:10] == b"1" or head[9:12] in (b"204", b"304")):
        return start
    if b"\r\ntransfer-encoding: chunked" in head:
        return _chunked_end(buffer, start)
    found = re.search(rb"\r\ncontent-length: *(\d+)", head)
    whole = start + (int(found[1]) if found else 0)
    return whole if len(buffer) >= whole else None


def _chunked_end(buffer: bytearray, at: int) -> int | None:
    while True:
        line_end = buffer.find(b"\r\n", at)
        if line_end < 0:
            return None
        size = int(bytes(buffer[at:line_end]).split(b";")[0], 16)
        at = line_end + 2 + size + 2
        if len(buffer) < at:
            return None
        if size == 0:
            return at
