"""A small real HTTP server on the loopback that answers as a script says, faults included."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from multidict import CIMultiDictProxy

from paywon.toss.client import TossClient

FIXTURES = Path(__file__).parents[1] / "fixtures" / "toss"
DONE = (FIXTURES / "payment-card-done.json").read_bytes()
SECRET_KEY = "test_sk_zXLkKEypNArWmo50nX3lmeaxYG5R"

Step = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Seen:
    """One request as the server got it."""

    method: str
    raw_path: str
    headers: CIMultiDictProxy[str]
    body: bytes


@dataclass
class Loopback:
    """Answers the n-th request with the n-th step, every later one with the last."""

    steps: list[Step]
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    site: web.TCPSite | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.seen.append(Seen(request.method, request.raw_path, request.headers, body))
        return await self.steps[min(len(self.seen), len(self.steps)) - 1](request)


@asynccontextmanager
async def loopback(*steps: Step) -> AsyncIterator[Loopback]:
    server = Loopback(list(steps))
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.site = site
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}"
        yield server
    finally:
        await runner.cleanup()


def client_for(
    url: str,
    *,
    read_timeout_s: float = 5.0,
    connect_timeout_s: float = 5.0,
    max_connections: int = 50,
    max_read_connections: int = 50,
    queue_timeout_s: float | None = None,
    max_response_bytes: int = 1 << 20,
    before_call: Callable[[], None] | None = None,
) -> TossClient:
    return TossClient(
        base_url=url,
        secret_key=SECRET_KEY,
        connect_timeout_s=connect_timeout_s,
        read_timeout_s=read_timeout_s,
        max_connections=max_connections,
        max_read_connections=max_read_connections,
        queue_timeout_s=queue_timeout_s,
        max_response_bytes=max_response_bytes,
        before_call=before_call,
    )


def reply(body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> Step:
    async def step(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers={"Content-Type": "application/json"} | (headers or {}))

    return step


def error(status: int, code: str, message: str = "메시지") -> Step:
    return reply(f'{{"code":"{code}","message":"{message}"}}'.encode(), status=status)


def reset() -> Step:
    """The request is read, then the connection is torn down without a word."""

    async def step(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return step


def half(body: bytes, *, status: int = 200) -> Step:
    """Promises the whole body, sends half of it and tears the connection down."""

    async def step(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        assert request.transport is not None
        request.transport.close()
        return response

    return step


def slow(delay_s: float, then: Step) -> Step:
    async def step(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(delay_s)
        return await then(request)

    return step


def drip(interval_s: float) -> Step:
    """A byte now and then, for ever."""

    async def step(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(interval_s)

    return step
