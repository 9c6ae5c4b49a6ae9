"""A whole paywon: API processes, a worker and a sandbox, over one database."""

import asyncio
import base64
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import msgspec

from tests.support.processes import Process, free_port

# One ring for all tests: a process that is started again opens what another sealed.
SECRET_KEYS = base64.b64encode(bytes(range(32))).decode()
# For what asks more often than anybody would.
NO_LIMITS = dict.fromkeys(
    [f"PAYWON_RATE_PER_MINUTE{whose}" for whose in ("", "_USER", "_ADDRESS", "_WEBHOOK")],
    "0",
)
EVENTS = ["PAYMENT_STATUS_CHANGED", "DEPOSIT_CALLBACK", "CANCEL_STATUS_CHANGED", "BILLING_DELETED"]


@dataclass(kw_only=True)
class Reply:
    """An HTTP answer: status, headers, and the JSON that it carried."""

    status: int
    headers: dict[str, str]
    body: Any

    def __getitem__(self, name: str) -> Any:
        return self.body[name]


class Http:
    """A client of one server; ``send`` answers whatever the status is."""

    def __init__(self, base_url: str, **session: Any) -> None:
        self.base_url, self._options = base_url, session
        self._session: aiohttp.ClientSession | None = None

    async def send(self, method: str, path: str, body: Any = None, **options: Any) -> Reply:
        if self._session is None:
            self._session = aiohttp.ClientSession(**self._options)
        if body is not None:
            options["data"] = msgspec.json.encode(body)
            options["headers"] = {"Content-Type": "application/json", **options.get("headers", {})}
        async with self._session.request(method, self.base_url + path, **options) as response:
            raw = await response.read()
            is_json = "json" in response.headers.get("Content-Type", "")
            return Reply(
                status=response.status,
                headers={name.lower(): value for name, value in response.headers.items()},
                body=msgspec.json.decode(raw) if is_json and raw else raw,
            )

    async def get(self, path: str, **options: Any) -> Reply:
        return await self.send("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Reply:
        return await self.send("POST", path, body if body is not None else {}, **options)

    async def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None


@dataclass(kw_only=True)
class Stack:
    """Running processes and clients for them. ``apis[0]`` is the first API process."""

    database_url: str
    sandbox_url: str
    toss_key: str
    api_key: str
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    apis: list[Process] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    worker: Process | None = None
    api: Http = field(init=False)
    toss: Http = field(init=False)
    clients: list[Http] = field(default_factory=list)

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    async def open(self, *, apis: int = 1, worker: bool = True) -> None:
        """Start the processes and connect to them."""
        self.ports = [free_port() for _ in range(apis)]
        for port in self.ports:
            self.apis.append(self._process(f"api-{port}", ["serve"], port=port, ready=f"http://127.0.0.1:{port}/ready"))
        if worker:
            await self.start_worker()
        await self.connect()

    async def connect(self) -> None:
        """Make clients, and register the webhook door at the sandbox."""
        self.api = self.client(self.ports[0])
        self.toss = Http(self.sandbox_url, headers={"Authorization": aiohttp.encode_basic_auth(self.toss_key, "")})
        self.clients.append(self.toss)
        url = f"{self.api_url}/payments/webhook"
        reply = await self.toss.post("/sandbox/webhooks", {"url": url, "events": EVENTS})
        assert reply.status in (200, 201), reply

    async def start_worker(self) -> None:
        self.worker = self._process("worker", ["worker"], port=self.ports[0])
        await self.eventually(self._worker_is_up, within_s=40)

    async def disconnect(self) -> None:
        """Close all clients; the processes go on."""
        for client in self.clients:
            await client.close()
        self.clients.clear()

    async def close(self) -> None:
        await self.disconnect()
        self.kill()

    def kill(self) -> None:
        """End the processes."""
        for process in self.processes:
            process.kill()

    @property
    def processes(self) -> list[Process]:
        return [*self.apis, *([self.worker] if self.worker is not None else [])]

    def client(self, port: int) -> Http:
        """A client of one API process, with the key that may do everything."""
        client = Http(f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {self.api_key}"})
        self.clients.append(client)
        return client

    async def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        """Read rows of the database, past all our code."""
        conn = await asyncpg.connect(self.database_url)
        try:
            for name in ("json", "jsonb"):
                await conn.set_type_codec(
                    name, schema="pg_catalog", encoder=lambda value: value, decoder=msgspec.json.decode
                )
            return [dict(row) for row in await conn.fetch(query, *arguments)]
        finally:
            await conn.close()

    async def row(self, query: str, *arguments: Any) -> dict[str, Any]:
        found = await self.rows(query, *arguments)
        assert len(found) == 1, found
        return found[0]

    async def toss_requests(self, path: str, **filters: str) -> list[dict[str, Any]]:
        """What the sandbox was asked, from its own log."""
        query = "&".join(f"{name}={value}" for name, value in {"path": path, **filters}.items())
        body = (await self.toss.get(f"/sandbox/requests?{query}")).body
        found: list[dict[str, Any]] = body["requests"] if isinstance(body, dict) else body
        return found

    async def fault(self, **fault: Any) -> None:
        """Have the sandbox fail once, as docs/sandbox.md lists."""
        reply = await self.toss.post("/sandbox/faults", {"times": 1, **fault})
        assert reply.status in (200, 201), reply

    def background(self, work: Coroutine[Any, Any, Reply]) -> asyncio.Task[Reply]:
        """Start a request that may well be cut off."""
        return asyncio.create_task(work)

    async def outcome(self, task: asyncio.Task[Reply]) -> Reply | None:
        """Wait for such a request; None if its server died under it."""
        try:
            return await task
        except aiohttp.ClientError:
            return None

    async def webhooks_are_in(self) -> bool:
        """Whether every webhook that the sandbox has sent was taken."""
        sent = (await self.toss.get("/sandbox/webhooks/deliveries"))["deliveries"]
        return all(delivery["state"] == "DELIVERED" for delivery in sent)

    # --- Steps of the story -----------------------------------------------------------------------------

    async def request_payment(self, **changes: Any) -> Reply:
        body = {
            "userId": "6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001",
            "resourceType": "booking",
            "resourceId": f"booking-{time.monotonic_ns()}",
            "amount": 50_000,
            "paymentMethod": "card",
            "customerName": "홍길동",
            "description": "병원 예약 결제",
        }
        return await self.api.post("/payments/request", {**body, **changes})

    async def authenticate(self, payment_key: str, **outcome: Any) -> str:
        """Play the customer at Toss's payment window; answer where the browser is sent."""
        body = {"outcome": "approve", "method": "CARD", **outcome}
        reply = await self.toss.post(f"/sandbox/payments/{payment_key}/authenticate", body)
        assert reply.status == 200, reply
        url: str = reply["redirectUrl"]
        return url

    async def ready_to_confirm(self, *, by: str = "CARD", **changes: Any) -> dict[str, Any]:
        """Request a payment and let the customer authenticate, by a means of Toss's; answer the body of its confirm."""
        reply = await self.request_payment(**changes)
        assert reply.status == 201, reply
        payment = reply["payment"]
        await self.authenticate(payment["paymentKey"], method=by)
        return {"paymentKey": payment["paymentKey"], "orderId": payment["orderId"], "amount": payment["amount"]}

    async def paid(self, **changes: Any) -> dict[str, Any]:
        """Request, authenticate and confirm; answer the payment."""
        reply = await self.api.post("/payments/confirm", await self.ready_to_confirm(**changes))
        assert reply.status == 200, reply
        payment: dict[str, Any] = reply["payment"]
        return payment

    async def eventually(self, question: Callable[[], Any], *, within_s: float = 15.0) -> Any:
        """Ask again and again until the answer is true."""
        deadline = time.monotonic() + within_s
        while True:
            answer = await question()
            if answer or time.monotonic() > deadline:
                assert answer, "it did not come about in time"
                return answer
            await asyncio.sleep(0.1)

    async def _worker_is_up(self) -> bool:
        return bool(
            await self.rows(
                "SELECT FROM pg_stat_activity WHERE application_name = 'paywon-worker' AND datname = current_database()"
            )
        )

    def _process(self, name: str, command: list[str], *, port: int, ready: str | None = None) -> Process:
        env = {
            "DATABASE_URL": self.database_url,
            "TOSS_PAYMENTS_BASE_URL": self.sandbox_url,
            "PAYWON_ENV": "development",
            "TOSS_PAYMENTS_SECRET_KEY": self.toss_key,
            "PAYWON_SECRET_KEYS": SECRET_KEYS,
            "PAYWON_PORT": str(port),
            "PAYWON_HOME": str(self.folder),
            "PAYWON_SANDBOX_URL": self.sandbox_url,
            "APP_BASE_URL": f"http://127.0.0.1:{self.ports[0]}",
            **self.settings,
        }
        return Process(["-m", "paywon", *command], env=env, log=self.folder / f"{name}.log", ready_url=ready)
