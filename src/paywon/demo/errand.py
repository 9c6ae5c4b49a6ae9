"""One HTTP call of the demo, with the patience that a restarting process needs."""

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import msgspec

# A process that restarts on a busy machine takes its time.
PATIENCE_S: Final = 60.0
_PAUSE_S: Final = 0.5
_ANSWER_TIMEOUT_S: Final = 30.0
# Nothing was sent: a repeat is the first time. Everything else that breaks may have been carried out.
_NOT_SENT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_LOST: Final = (aiohttp.ClientError, TimeoutError, ConnectionError)


class DemoTrouble(Exception):  # noqa: N818 - it is a line for a person
    """The story cannot go on; the message says why, in both languages."""

    def __init__(self, korean: str, english: str) -> None:
        super().__init__(f"{korean} / {english}")


class ReplyLost(DemoTrouble):
    """The connection broke after something was sent, so that nobody knows whether it was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, and after how many milliseconds."""

    method: str
    path: str
    status: int
    took_ms: int
    body: Any

    def __getitem__(self, name: str) -> Any:
        return self.body[name]

    @property
    def is_fine(self) -> bool:
        return 200 <= self.status < 300


class Errands:
    """Calls to one server. ``waiting`` is told why a call is tried again."""

    def __init__(
        self, base_url: str, *, waiting: Callable[[str], None], token: str | None = None, basic_key: str | None = None
    ) -> None:
        headers = {"Authorization": f"Bearer {token}" if token else aiohttp.encode_basic_auth(basic_key or "", "")}
        self._base_url = base_url
        self._waiting = waiting
        self._session = aiohttp.ClientSession(
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=_ANSWER_TIMEOUT_S, sock_connect=3),
            # A connection that was kept may belong to a process that is no more.
            connector=aiohttp.TCPConnector(force_close=True),
        )

    async def close(self) -> None:
        await self._session.close()

    async def get(self, path: str, *, patience_s: float = PATIENCE_S) -> Reply:
        """Read; a read may always be repeated. Raises DemoTrouble when nobody answers."""
        return await self._persist("GET", path, None, patience_s=patience_s, repeat_lost=True)

    async def post(self, path: str, body: dict[str, Any], *, repeat_lost: bool = True) -> Reply:
        """Write; ``repeat_lost`` tells whether doing it twice is as good as once.

        Raises:
            ReplyLost: the answer was lost, and a repeat would not be safe.
            DemoTrouble: nobody answers.
        """
        return await self._persist("POST", path, body, patience_s=PATIENCE_S, repeat_lost=repeat_lost)

    async def _persist(
        self, method: str, path: str, body: dict[str, Any] | None, *, patience_s: float, repeat_lost: bool
    ) -> Reply:
        deadline = time.monotonic() + patience_s
        key = f"demo-{uuid.uuid4().hex}"
        while True:
            try:
                reply = await self._once(method, path, body, key)
                running = isinstance(reply.body, dict) and reply.body.get("code") == "IDEMPOTENCY_KEY_RUNNING"
                if not (running or (reply.status == 503 and repeat_lost)) or time.monotonic() > deadline:
                    return reply
                why = str(reply.body.get("message", "503")) if isinstance(reply.body, dict) else "503"
            except _LOST as error:
                why = _reason(error)
                if not repeat_lost and not isinstance(error, _NOT_SENT):
                    raise ReplyLost(f"{self._base_url} 의 답을 못 받았습니다", f"the reply was lost: {why}") from None
                if time.monotonic() > deadline:
                    raise DemoTrouble(
                        f"{self._base_url} 이 답하지 않습니다 ({why}). script/server가 실행 중인지 확인하세요",
                        f"{self._base_url} does not answer; check that script/server is running",
                    ) from None
            self._waiting(why)
            await asyncio.sleep(_PAUSE_S)

    async def _once(self, method: str, path: str, body: dict[str, Any] | None, key: str) -> Reply:
        began = time.monotonic()
        headers = {} if body is None else {"Content-Type": "application/json", "Idempotency-Key": key}
        data = None if body is None else msgspec.json.encode(body)
        async with self._session.request(method, self._base_url + path, data=data, headers=headers) as response:
            raw = await response.read()
            took_ms = round((time.monotonic() - began) * 1000)
            return Reply(method=method, path=path, status=response.status, took_ms=took_ms, body=_decoded(raw))


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw) if raw else {}
    except msgspec.DecodeError:
        return {"message": raw[:200].decode(errors="replace")}


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or "connection refused"
    return str(error) or type(error).__name__
