"""A client that sends exactly the bytes it is given: no library tidies them up on the way."""

import contextlib
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any

TIMEOUT_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "")

    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document


class Wire:
    """One kept-alive connection to one server."""

    def __init__(self, port: int, api_key: str) -> None:
        self.port, self.api_key, self.host = port, api_key, "test"
        self._socket: socket.socket | None = None

    def send(
        self,
        method: str,
        target: str | bytes,
        body: bytes | None = None,
        *,
        headers: Sequence[str | bytes] = (),
        key: str | None = "",
        media_type: str | bytes | None = "application/json",
        chunked: bool = False,
    ) -> Answer:
        """Ask; ``key`` is None for no Authorization and empty for the key that may do everything."""
        lines = [_bytes(method) + b" " + _bytes(target) + b" HTTP/1.1", b"Host: " + _bytes(self.host)]
        if key is not None:
            lines.append(b"Authorization: Bearer " + _bytes(key or self.api_key))
        if body is not None:
            lines += [b"Content-Type: " + _bytes(media_type)] if media_type is not None else []
            lines.append(b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body))
        lines += [_bytes(header) for header in headers]
        sent = b"\r\n".join(lines) + b"\r\n\r\n" + (_chunks(body) if chunked and body is not None else body or b"")
        return self._exchange(method, sent)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _exchange(self, method: str, sent: bytes) -> Answer:
        try:
            return self._once(method, sent)
        except (HTTPException, OSError):
            # The server closed the connection that was kept: once more on a new one.
            self.close()
            return self._once(method, sent)

    def _once(self, method: str, sent: bytes) -> Answer:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(sent)  # a body that is too large is answered before all of it is sent
        response = HTTPResponse(self._socket, method=method)
        response.begin()
        answer = Answer(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            body=response.read(),
        )
        if response.will_close or len(sent) > 100_000:
            self.close()
        return answer


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _chunks(body: bytes, size: int = 64 * 1024) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
