"""The examples, run as their READMEs say: an hour at a pet hospital is paid and booked, refunded and free again."""

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from paywon.base.clock import SYSTEM_CLOCK
from paywon.db.pool import Database
from paywon.operators.commands import create_api_key
from paywon.operators.model import Scope
from tests.conftest import Sandbox
from tests.support.databases import Template
from tests.support.invariants import assert_invariants
from tests.support.processes import Process, free_port
from tests.support.stack import SECRET_KEYS, Http, Reply

EXAMPLES = Path(__file__).parents[2] / "examples"
HOUR = (datetime.now(UTC) + timedelta(days=30)).replace(minute=0, second=0, microsecond=0)


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pet hospital's package, installed as pip does it, where only these tests find it."""
    folder = tmp_path_factory.mktemp("plugin")
    offline = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation"]
    pip = [sys.executable, "-m", "pip", "install", *offline, "--target", str(folder), str(EXAMPLES / "pet-hospital")]
    subprocess.run(pip, check=True, timeout=100)
    return folder


@dataclass
class Hospital:
    """A host application with paywon in it, its worker, and clients of both and of the sandbox."""

    app: Http
    paywon: Http
    toss: Http
    prefix: str
    database_url: str

    async def order(self, **options: Any) -> Reply:
        wish = {"slot": HOUR.isoformat(), "pet": "나비", **options}
        fulfilment = {"kind": "hospital_booking", "options": wish}
        told = {"orderName": "진료 예약", "amount": 30_000, "userId": "user-1", "fulfilment": fulfilment}
        return await self.paywon.post("/api/orders", told)

    async def paid(self, slot: datetime) -> Reply:
        """Place an order and pay it, as a page and a customer would; answer what the confirm said."""
        order = await self.order(slot=slot.isoformat())
        assert order.status == 201, order
        back = {"successUrl": "https://shop.example/success", "failUrl": "https://shop.example/fail"}
        told = {"orderId": order["orderNo"], "amount": 30_000}
        window = await self.toss.post("/sandbox/checkout", {**told, **back, "orderName": "진료 예약"})
        key = window["paymentKey"]
        choice = {"outcome": "approve", "method": "CARD"}
        assert (await self.toss.post(f"/sandbox/payments/{key}/authenticate", choice)).status == 200
        confirmed = await self.paywon.post("/api/payments/toss/confirm", {**told, "paymentKey": key})
        assert confirmed.status == 200, confirmed
        return confirmed

    async def refund(self, paid: Reply) -> Reply:
        path = f"/api/payments/toss/{paid['payment']['paymentKey']}/cancel"
        return await self.paywon.post(path, {"cancelReason": "일정 변경"})


class Rig:
    """Starts hosts over a fresh database with the plug-in's table in it."""

    def __init__(self, database_url: str, sandbox: Sandbox, plugin: Path, folder: Path, api_key: str) -> None:
        self.database_url, self.sandbox, self.plugin, self.folder = database_url, sandbox, plugin, folder
        self.api_key, self.toss_key = api_key, f"test_sk_{secrets.token_hex(12)}"
        self.processes: list[Process] = []
        self.clients: list[Http] = []

    async def start(self, command: list[str], *, ready: str, prefix: str, example: str | None = None) -> Hospital:
        """Start a host with ``{port}`` in its command, and a worker."""
        port = free_port()
        paths = [str(self.plugin), *([str(EXAMPLES / example)] if example else [])]
        env = {
            "PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
            "PAYWON_ENV": "development",
            "DATABASE_URL": self.database_url,
            "TOSS_PAYMENTS_BASE_URL": self.sandbox.url,
            "TOSS_PAYMENTS_SECRET_KEY": self.toss_key,
            "PAYWON_SECRET_KEYS": SECRET_KEYS,
            "PAYWON_PORT": str(port),
            "PAYWON_HOME": str(self.folder),
            "APP_BASE_URL": "https://shop.example",
        }
        url = f"http://127.0.0.1:{port}"
        made = [sys.executable, "-m", "pet_hospital"]
        await asyncio.to_thread(subprocess.run, made, env={**os.environ, **env}, check=True, timeout=60)
        words = [word.format(port=port) for word in command]
        await self._process(words, env, "host", ready=url + ready)
        await self._process(["-m", "paywon", "worker"], env, "worker")
        hospital = Hospital(
            app=self._client(url),
            paywon=self._client(url + prefix, headers={"Authorization": f"Bearer {self.api_key}"}),
            toss=self._client(
                self.sandbox.url, headers={"Authorization": aiohttp.encode_basic_auth(self.toss_key, "")}
            ),
            prefix=prefix,
            database_url=self.database_url,
        )
        hook = {"url": f"{url}{prefix}/payments/webhook", "events": ["PAYMENT_STATUS_CHANGED"]}
        assert (await hospital.toss.post("/sandbox/webhooks", hook)).status in (200, 201)
        return hospital

    async def close(self) -> None:
        for client in self.clients:
            await client.close()
        for process in self.processes:
            process.kill()

    async def _process(self, words: list[str], env: dict[str, str], name: str, *, ready: str | None = None) -> None:
        log = self.folder / f"{name}.log"
        process = await asyncio.to_thread(lambda: Process(words, env=env, log=log, ready_url=ready))
        self.processes.append(process)

    def _client(self, url: str, **session: Any) -> Http:
        self.clients.append(Http(url, **session))
        return self.clients[-1]


@pytest.fixture
async def rig(template: Template, sandbox: Sandbox, plugin: Path, tmp_path: Path) -> AsyncIterator[Rig]:
    url = await template.copy()
    db = await Database.connect(url, max_connections=1, application_name="test")
    key = await create_api_key(db, name="hospital", scopes=list(Scope), expires_at=None, clock=SYSTEM_CLOCK)
    await db.close()
    rig = Rig(url, sandbox, plugin, tmp_path, key)
    yield rig
    await rig.close()
    await template.drop(url)


GRANIAN = ["-m", "granian", "--interface", "asgi", "--no-ws", "--host", "127.0.0.1", "--port", "{port}"]


async def test_a_plug_in_books_with_the_payment_and_frees_with_the_refund(rig: Rig) -> None:
    hospital = await rig.start(["-m", "paywon", "serve"], ready="/ready", prefix="")
    paid = await hospital.paid(HOUR)
    placed = await hospital.paywon.get(f"/api/orders/{paid['order']['id']}")
    assert placed["fulfilment"] == {
        "kind": "hospital_booking",
        "status": "FULFILLED",
        "reason": None,
        "capsuleId": None,
    }

    late = await hospital.paid(HOUR)
    late_order = f"/api/orders/{late['order']['id']}"
    fulfilment = (await hospital.paywon.get(late_order))["fulfilment"]
    assert (late["order"]["status"], fulfilment["status"], fulfilment["reason"]) == ("PAID", "BLOCKED", "SLOT_TAKEN")
    desk = (await hospital.paywon.get("/api/ops/doubtful")).body
    assert late["order"]["orderNo"] in str(desk)

    decided = {"operator": "김담당", "reason": "앞 예약이 취소되어 자리가 남"}
    retry = f"/api/ops/doubtful/fulfilments/{late['order']['id']}/retry"
    taken = await hospital.paywon.post(retry, decided)
    assert (taken.status, taken["fulfilmentStatus"], taken["reason"]) == (200, "BLOCKED", "SLOT_TAKEN")
    assert (await hospital.refund(paid))["order"]["status"] == "REFUNDED"
    once = {"Idempotency-Key": "retry-1"}
    given = await hospital.paywon.post(retry, decided, headers=once)
    assert (given.status, given["fulfilmentStatus"], given["reason"]) == (200, "FULFILLED", None)
    assert (await hospital.paywon.post(retry, decided, headers=once)).body == given.body
    assert (await hospital.paywon.post(retry, decided))["code"] == "DOUBT_NOT_FOUND"

    assert (await hospital.refund(late))["order"]["status"] == "REFUNDED"
    again = await hospital.paid(HOUR)
    assert (await hospital.paywon.get(f"/api/orders/{again['order']['id']}"))["fulfilment"]["status"] == "FULFILLED"

    for options, named in (
        ({"slot": "soon"}, "slot"),
        ({"pet": ""}, "pet"),
        ({"slot": "2020-01-01T10:00:00Z"}, "slot"),
    ):
        refused = await hospital.order(**options)
        assert (refused.status, refused["field"]) == (400, f"fulfilment.options.{named}")
    await assert_invariants(hospital.database_url)


@pytest.mark.parametrize(("example", "target"), [("fastapi-app", "app:app"), ("django-app", "shop:application")])
async def test_a_host_mounts_paywon_beside_its_own_pages(rig: Rig, example: str, target: str) -> None:
    hospital = await rig.start([*GRANIAN, target], ready="/paywon/ready", prefix="/paywon", example=example)
    paid = await hospital.paid(HOUR)
    page = f"/bookings/{paid['order']['orderNo']}"
    booking = await hospital.app.get(page)
    assert (booking["pet"], booking["status"], datetime.fromisoformat(booking["slot"])) == ("나비", "BOOKED", HOUR)
    assert (await hospital.refund(paid))["order"]["status"] == "REFUNDED"
    assert (await hospital.app.get(page))["status"] == "CANCELED"

    # What is the host's stays the host's, and paywon's doors are as careful as ever.
    assert (await hospital.app.get("/bookings/none")).status == 404
    assert (await hospital.app.get("/api/orders/x")).status == 404
    nobody = await hospital.app.get("/paywon/payments")
    assert (nobody.status, nobody["code"], nobody.headers["x-content-type-options"]) == (
        401,
        "UNAUTHENTICATED",
        "nosniff",
    )
    assert (await hospital.app.get("/paywon/schema/openapi.json")).status == 200
    await _place_to_poll(hospital)
    await _webhooks_come_through(hospital)
    await assert_invariants(hospital.database_url)


async def _place_to_poll(hospital: Hospital) -> None:
    """A 202 tells where to look, and that place is below the mount too."""
    paid = await hospital.paid(HOUR + timedelta(hours=1))
    key = paid["payment"]["paymentKey"]
    fault = {"times": 1, "kind": "drop_reply", "path": f"/v1/payments/{key}/cancel"}
    assert (await hospital.toss.post("/sandbox/faults", fault)).status in (200, 201)
    unknown = await hospital.refund(paid)
    assert (unknown.status, unknown.headers["location"][:7]) == (202, "/paywon")
    place = unknown.headers["location"].removeprefix(hospital.prefix)

    async def settled() -> bool:
        return bool((await hospital.paywon.get(place))["payment"]["status"] == "CANCELED")

    await _eventually(settled)


async def _webhooks_come_through(hospital: Hospital) -> None:
    async def delivered() -> bool:
        sent = (await hospital.toss.get("/sandbox/webhooks/deliveries"))["deliveries"]
        return bool(sent) and all(delivery["state"] == "DELIVERED" for delivery in sent)

    await _eventually(delivered)


async def _eventually(question: Any, *, within_s: float = 40.0) -> None:
    async with asyncio.timeout(within_s):
        while not await question():
            await asyncio.sleep(0.1)
