"""A database that hangs, fills up, fails over or is held by somebody: who has to wait, and for how long."""

import asyncio
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil  # type: ignore[import-untyped]
import pytest

from paywon.base.clock import SystemClock
from paywon.db.embedded import EmbeddedPostgres
from paywon.db.migrate import ensure_database, migrate
from paywon.db.pool import Database, Patience
from paywon.operators.commands import create_api_key
from paywon.operators.model import Scope
from tests.conftest import FreshDatabase, OpenStack, Sandbox
from tests.field.conftest import Shop
from tests.support.stack import Reply, Stack

# Short enough to wait for, long enough for a busy machine.
QUICK = {
    "PAYWON_DB_ACQUIRE_TIMEOUT_S": "2",
    "PAYWON_DB_LOCK_TIMEOUT_S": "2",
    "PAYWON_DB_STATEMENT_TIMEOUT_S": "4",
    "PAYWON_DB_IDLE_IN_TRANSACTION_S": "3",
}
LIVENESS_S = 1.0
# For what /ready or a read promises within one second, on a machine that others use too.
SOON_S = 2.5


@dataclass
class Sick:
    """A stack with a PostgreSQL of its own, which may be frozen."""

    stack: Stack
    postgres: EmbeddedPostgres
    folder: Path

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop every process of the server, as a hung disk or a paused virtual machine does."""
        pid = int((self.folder / "data/postmaster.pid").read_text().split("\n", 1)[0])
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        try:
            for process in family:
                os.kill(process.pid, signal.SIGSTOP)
            yield
        finally:
            for process in family:
                if process.is_running():
                    os.kill(process.pid, signal.SIGCONT)


@pytest.fixture
async def sick(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Sick]:
    folder = Path(tempfile.mkdtemp(prefix="paywon-test-"))
    folder.chmod(0o755)
    postgres = EmbeddedPostgres(folder / "data")
    postgres.start()
    await ensure_database(postgres.url("postgres"), "paywon")
    await migrate(postgres.url())
    db = await Database.connect(postgres.url(), max_connections=1, application_name="test")
    key = await create_api_key(db, name="test", scopes=list(Scope), expires_at=None, clock=SystemClock())
    await db.close()
    stack = Stack(
        database_url=postgres.url(),
        sandbox_url=sandbox.url,
        toss_key=f"test_sk_{secrets.token_hex(12)}",
        api_key=key,
        folder=tmp_path,
        settings=QUICK,
    )
    try:
        await stack.open()
        yield Sick(stack=stack, postgres=postgres, folder=folder)
    finally:
        await stack.close()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def timed(asking: Awaitable[Reply]) -> tuple[Reply, float]:
    began = time.monotonic()
    reply = await asking
    return reply, time.monotonic() - began


async def test_a_frozen_database_is_told_within_seconds_and_forgotten_when_it_thaws(sick: Sick) -> None:
    api = sick.stack.api
    order = {"orderName": "책", "amount": 1000, "userId": "u-1"}
    assert (await api.get("/ready")).status == 200
    with sick.frozen():
        asked = [asyncio.create_task(timed(api.post("/api/orders", order))) for _ in range(25)]
        await asyncio.sleep(0.5)
        for _ in range(3):
            alive, after_s = await timed(api.get("/health"))
            assert (alive.status, after_s < LIVENESS_S) == (200, True), after_s
            ready, after_s = await timed(api.get("/ready"))
            assert (ready.status, ready["code"], after_s < SOON_S) == (503, "DATABASE_UNAVAILABLE", True), after_s
            assert int(ready.headers["retry-after"]) > 0
        replies = await asyncio.wait_for(asyncio.gather(*asked), 30)
        assert {reply.status for reply, _ in replies} == {503}
        # For a connection, for a statement and for a connection that is given back.
        assert max(after_s for _, after_s in replies) < 2 + 5 + 2 + 4

    await sick.stack.eventually(lambda: _ready(sick.stack), within_s=20)
    assert (await api.post("/api/orders", order)).status == 201
    payment = await sick.stack.paid()
    assert payment["status"] == "completed"
    assert sick.stack.worker is not None
    assert sick.stack.worker.child.poll() is None


Held = Callable[[Stack, dict[str, Any]], Awaitable[Reply]]


async def _confirm(stack: Stack, body: dict[str, Any]) -> Reply:
    return await stack.api.post("/payments/confirm", body)


async def _confirm_toss(stack: Stack, body: dict[str, Any]) -> Reply:
    return await stack.api.post("/api/payments/toss/confirm", body)


async def _cancel(stack: Stack, body: dict[str, Any]) -> Reply:
    return await stack.api.post(f"/api/payments/toss/{body['paymentKey']}/cancel", {"cancelReason": "변심"})


async def _webhook(stack: Stack, body: dict[str, Any]) -> Reply:
    data = {"paymentKey": body["paymentKey"], "orderId": body["orderId"], "status": "DONE", "x": secrets.token_hex(4)}
    return await stack.api.post("/payments/webhook", {"eventType": "PAYMENT_STATUS_CHANGED", "data": data})


async def _status(stack: Stack, body: dict[str, Any]) -> Reply:
    return await stack.api.get(f"/payments/{body['id']}/status")


@asynccontextmanager
async def _held(url: str, order_no: str) -> AsyncIterator[None]:
    """Hold an order's row and its payment's, as a process that does not go on."""
    conn = await asyncpg.connect(url)
    try:
        async with conn.transaction():
            await conn.execute("SELECT FROM orders WHERE order_no = $1 FOR UPDATE", order_no)
            await conn.execute("SELECT FROM payments WHERE order_no = $1 FOR UPDATE", order_no)
            yield
    finally:
        await conn.close()


@pytest.mark.parametrize("door", [_confirm, _confirm_toss, _cancel, _webhook, _status])
async def test_twelve_requests_for_one_held_order_stop_nobody_else(open_stack: OpenStack, door: Held) -> None:
    stack = await open_stack(worker=False, **QUICK)
    body = await stack.ready_to_confirm()
    found = await stack.row("SELECT id FROM payments WHERE order_no = $1", body["orderId"])
    other = await stack.ready_to_confirm()
    async with _held(stack.database_url, body["orderId"]):
        whole = {**body, "id": found["id"]} if door is _status else body
        asked = [asyncio.create_task(timed(door(stack, whole))) for _ in range(12)]
        await asyncio.sleep(0.7)
        waiting = await stack.row(
            "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = 'paywon-api' AND wait_event_type = 'Lock'"
        )
        assert waiting["n"] <= 1
        assert (await timed(stack.api.get("/health")))[1] < LIVENESS_S
        for asking in (stack.api.get("/ready"), stack.api.get("/payments?limit=1"), _confirm(stack, other)):
            reply, after_s = await timed(asking)
            assert (reply.status, after_s < SOON_S) == (200, True), (reply, after_s)
        replies = await asyncio.wait_for(asyncio.gather(*asked), 60)
    refused = [reply for reply, _ in replies if reply.status >= 400]
    if door in (_confirm, _confirm_toss, _cancel):
        assert refused, "who met the held row is told so"
    for reply in refused:
        assert (reply.status, reply["code"]) == (503, "BUSY"), reply
        assert int(reply.headers["retry-after"]) > 0
    paid = await stack.eventually(lambda: _paid(stack, body))
    assert paid
    assert len(await stack.toss_requests("/v1/payments/confirm", orderId=body["orderId"])) <= 1


async def _paid(stack: Stack, body: dict[str, Any]) -> bool:
    return (await _confirm(stack, body)).status == 200


async def test_the_transaction_of_a_frozen_process_is_ended(open_stack: OpenStack) -> None:
    """The worker's settings, on a connection that holds an order and then does nothing any more."""
    stack = await open_stack(worker=False, **QUICK)
    body = await stack.ready_to_confirm()
    patience = Patience(idle_s=3.0)
    conn = await asyncpg.connect(stack.database_url, server_settings=patience.server_settings("paywon-worker"))
    try:
        await conn.execute("BEGIN")
        await conn.execute("SELECT FROM orders WHERE order_no = $1 FOR UPDATE", body["orderId"])
        await stack.eventually(lambda: _paid(stack, body), within_s=20)
    finally:
        conn.terminate()


async def test_every_connection_of_a_process_knows_its_limits(open_stack: OpenStack) -> None:
    stack = await open_stack()
    await stack.api.get("/ready")
    db = await Database.connect(stack.database_url, max_connections=1, application_name="limits")
    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    try:
        for _ in range(2):  # again, after the reset that follows each use
            async with db.connection() as conn:
                shown = [await conn.fetchval(f"SHOW {name}") for name in names]
            assert shown == ["3s", "10s", "30s"]
    finally:
        await db.close()


async def test_ready_is_503_while_the_database_can_only_be_read(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, fresh=True)
    await _alter(stack, "SET default_transaction_read_only = on")
    reply = await stack.api.get("/ready")
    assert (reply.status, reply["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert (await stack.api.get("/health")).status == 200
    await _alter(stack, "RESET default_transaction_read_only")
    await stack.eventually(lambda: _ready(stack))


async def test_ready_is_503_while_the_disk_takes_no_more(open_stack: OpenStack) -> None:
    """PostgreSQL refuses a file that grows beyond ``temp_file_limit`` where it would refuse one on a full disk."""
    stack = await open_stack(worker=False, fresh=True)
    await _alter(stack, "SET temp_file_limit = 0")
    reply = await stack.api.get("/ready")
    assert (reply.status, reply["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert (await stack.api.get("/health")).status == 200
    await _alter(stack, "RESET temp_file_limit")
    await stack.eventually(lambda: _ready(stack))


async def test_asking_for_readiness_grows_no_table(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False)
    size = "SELECT sum(pg_total_relation_size(c.oid))::bigint AS n FROM pg_class c WHERE relkind = 'r'"
    await stack.api.get("/ready")
    before = (await stack.row(size))["n"]
    for _ in range(50):
        assert (await stack.api.get("/ready")).status == 200
    assert (await stack.row(size))["n"] == before


async def _ready(stack: Stack) -> bool:
    return (await stack.api.get("/ready")).status == 200


async def _alter(stack: Stack, change: str) -> None:
    """Change a setting of the database, and have the API connect anew."""
    conn = await asyncpg.connect(stack.database_url)
    try:
        name = await conn.fetchval("SELECT current_database()")
        await conn.execute("SET default_transaction_read_only = off")
        await conn.execute(f'ALTER DATABASE "{name}" {change}')
        await conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
            name,
        )
    finally:
        await conn.close()


async def test_nobody_waits_for_a_free_connection_for_ever(database: FreshDatabase) -> None:
    db = await Database.connect(
        database.url, max_connections=1, application_name="test", patience=Patience(acquire_s=0.3)
    )
    try:
        async with db.connection():
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                async with db.transaction():
                    pass
            assert time.monotonic() - began < 2
    finally:
        await db.close()


async def test_a_capsule_that_a_held_table_kept_back_is_made_by_itself_once_it_is_free(shop: Shop) -> None:
    await shop.lose_webhooks()
    capsule = {"kind": "time_capsule", "timeOption": "1_YEAR", "headcount": 2, "title": "여름"}
    order = await shop.order(fulfilment=capsule)
    key = await shop.window(order)
    holder = await asyncpg.connect(shop.stack.database_url)
    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE capsules IN EXCLUSIVE MODE")
            assert (await shop.confirm(order, key)).status in (200, 202)
            await shop.stack.eventually(lambda: _is(shop, order, "WAITING"))
    finally:
        await holder.close()
    await shop.stack.rows("UPDATE payments SET look_again_at = now() WHERE order_no = $1", order["orderNo"])
    await shop.stack.eventually(lambda: _is(shop, order, "FULFILLED"))


async def _is(shop: Shop, order: dict[str, Any], fulfilment: str) -> bool:
    row = await shop.stack.row("SELECT status, fulfilment_status FROM orders WHERE order_no = $1", order["orderNo"])
    return bool((row["status"], row["fulfilment_status"]) == ("PAID", fulfilment))
