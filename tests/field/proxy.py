"""A proxy between paywon and the sandbox that changes, delays or answers single calls, as gateways in the field do."""

import asyncio
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

Json = Any
Change = Callable[[Json], Json]
_HOP_BY_HOP = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-encoding"})


@dataclass(kw_only=True)
class Rule:
    """What happens to calls whose method and path match; ``times`` None is for ever.

    ``change`` gets the JSON that the sandbox answered with 2xx and returns what paywon gets instead; ``answer`` is a
    status and body that paywon gets without the sandbox being asked, with ``headers``; ``delay_s`` passes before
    anything else.
    """

    method: str = ".*"
    path: str = ".*"
    times: int | None = None
    change: Change | None = None
    answer: tuple[int, Json] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0
    hits: int = 0

    def takes(self, method: str, path: str) -> bool:
        """Return whether the rule still applies, and to this call."""
        open_ = self.times is None or self.hits < self.times
        return open_ and bool(re.fullmatch(self.method, method) and re.search(self.path, path))


@dataclass
class Seen:
    """One call that passed: its body as JSON, its Idempotency-Key, and the status that paywon got."""

    method: str
    path: str
    body: Json
    key: str | None
    status: int


@dataclass
class TossProxy:
    """Forwards to ``target``. Runs in a thread of its own, so one proxy serves the stacks of many tests."""

    target: str
    url: str = ""
    rules: list[Rule] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen on a free port of the loopback interface."""
        ready: Future[str] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        self.url = ready.result(10)

    def stop(self) -> None:
        """Close what is open and end the thread."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        assert self._thread is not None, "it was started"
        self._thread.join(10)
        self._loop.close()

    def add(self, **rule: Any) -> Rule:
        """Add a rule; the newest that matches a call is the one that acts. Return it, for ``remove``."""
        made = Rule(**rule)
        self.rules.insert(0, made)
        return made

    def remove(self, rule: Rule) -> None:
        self.rules.remove(rule)

    def reset(self) -> None:
        """Forget rules and calls; each test begins with none."""
        self.rules.clear()
        self.seen.clear()

    def hold_reads(self, payment_key: str, body: Json, *, order_no: str = "", times: int | None = None) -> Rule:
        """Have every read of a payment show ``body``, whatever the sandbox has: reads that lag behind."""
        place = f"^/v1/payments/({re.escape(payment_key)}|orders/{re.escape(order_no or payment_key)})$"
        return self.add(method="GET", path=place, answer=(200, body), times=times)

    def asked(self, path: str, method: str = "POST") -> list[Seen]:
        """Return the calls of a method whose path matches, oldest first."""
        return [seen for seen in self.seen if seen.method == method and re.search(path, seen.path)]

    def _run(self, ready: "Future[str]") -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen(ready))
        self._loop.run_forever()

    async def _listen(self, ready: "Future[str]") -> None:
        self._session = aiohttp.ClientSession(auto_decompress=True)
        app = web.Application(client_max_size=16 * 1024**2)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        ready.set_result(f"http://127.0.0.1:{self._runner.addresses[0][1]}")

    async def _close(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _pass(self, request: web.Request) -> web.Response:
        raw = await request.read()
        rule = next((each for each in self.rules if each.takes(request.method, request.path)), None)
        if rule is not None:
            rule.hits += 1
            await asyncio.sleep(rule.delay_s)
        status, headers, body = await self._answer(request, raw, rule)
        key = request.headers.get("Idempotency-Key")
        self.seen.append(Seen(request.method, request.path, _json(raw), key, status))
        return web.Response(status=status, headers=headers, body=body)

    async def _answer(self, request: web.Request, raw: bytes, rule: Rule | None) -> tuple[int, dict[str, str], bytes]:
        json_headers = {"Content-Type": "application/json"}
        if rule is not None and rule.answer is not None:
            return rule.answer[0], json_headers | rule.headers, msgspec.json.encode(rule.answer[1])
        headers = {name: text for name, text in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        url = self.target + request.path_qs
        async with self._session.request(request.method, url, data=raw, headers=headers) as reply:
            body = await reply.read()
            kept = {name: text for name, text in reply.headers.items() if name.lower() not in _HOP_BY_HOP}
            if rule is not None and rule.change is not None and 200 <= reply.status < 300:
                body = msgspec.json.encode(rule.change(msgspec.json.decode(body)))
            return reply.status, kept, body


def _json(raw: bytes) -> Json:
    try:
        return msgspec.json.decode(raw) if raw else None
    except msgspec.DecodeError:
        return None
