"""Any process may go away at any moment of the story: PostgreSQL, the sandbox, the API, the worker."""

import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from paywon.base.clock import SystemClock
from paywon.db.embedded import EmbeddedPostgres
from paywon.db.migrate import ensure_database, migrate
from paywon.db.pool import Database
from paywon.operators.commands import create_api_key
from paywon.operators.model import Scope
from tests.support.invariants import assert_invariants
from tests.support.processes import Process, free_port
from tests.support.stack import Reply, Stack


@dataclass
class Everything:
    """A stack whose PostgreSQL and sandbox are its own, to be killed and started again."""

    stack: Stack
    postgres: EmbeddedPostgres
    sandbox: Process
    folder: Path

    async def restart(self, victim: str) -> None:
        for client in self.stack.clients:
            await client.close()  # a kept connection to the victim would be dead
        if victim == "postgres":
            self._kill_postgres()
            self.postgres.start()
            return
        process = {"sandbox": self.sandbox, "api": self.stack.apis[0], "worker": self.stack.worker}[victim]
        assert process is not None
        process.kill()
        process.start()

    def _kill_postgres(self) -> None:
        pid = int((self.folder / "data/postmaster.pid").read_text().split("\n", 1)[0])
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        for process in family:
            process.kill()
        psutil.wait_procs(family, timeout=10)


@pytest.fixture
async def everything(tmp_path: Path) -> AsyncIterator[Everything]:
    folder = Path(tempfile.mkdtemp(prefix="paywon-test-"))
    folder.chmod(0o755)
    postgres = EmbeddedPostgres(folder / "data")
    postgres.start()
    await ensure_database(postgres.url("postgres"), "paywon")
    await migrate(postgres.url())
    db = await Database.connect(postgres.url(), max_connections=1, application_name="test")
    key = await create_api_key(db, name="test", scopes=list(Scope), expires_at=None, clock=SystemClock())
    await db.close()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    arguments = ["-m", "paywon_sandbox", "--port", str(port), "--public-url", url, "--state", str(tmp_path / "state")]
    sandbox = Process(arguments, env={}, log=tmp_path / "sandbox.log", ready_url=f"{url}/sandbox/health")
    stack = Stack(
        database_url=postgres.url(),
        sandbox_url=url,
        toss_key=f"test_sk_{secrets.token_hex(12)}",
        api_key=key,
        folder=tmp_path,
        settings={"PAYWON_RESOLVE_AFTER_S": "0.5", "PAYWON_TOSS_READ_TIMEOUT_S": "3"},
    )
    await stack.open()
    world = Everything(stack=stack, postgres=postgres, sandbox=sandbox, folder=folder)
    yield world
    await assert_invariants(postgres.url())
    await stack.close()
    sandbox.kill()
    world.postgres.stop()
    shutil.rmtree(folder, ignore_errors=True)


async def _insist(stack: Stack, path: str, body: dict[str, Any], *, good: set[int]) -> Reply:
    """Repeat a request until it is answered well, as the README tells a client to do."""

    async def ask() -> Reply | None:
        reply = await stack.outcome(stack.background(stack.api.post(path, body)))
        assert reply is None or reply.status in good | {202, 409, 503}, reply
        return reply if reply is not None and reply.status in good else None

    reply: Reply = await stack.eventually(ask, within_s=30)
    return reply


@pytest.mark.parametrize("victim", ["postgres", "sandbox", "api", "worker"])
async def test_the_story_survives_a_restart_between_any_two_steps(everything: Everything, victim: str) -> None:
    stack = everything.stack
    requested = await stack.request_payment()
    await everything.restart(victim)
    payment = requested["payment"]
    await stack.authenticate(payment["paymentKey"])
    await everything.restart(victim)
    body = {"paymentKey": payment["paymentKey"], "orderId": payment["orderId"], "amount": 50_000}
    confirmed = await _insist(stack, "/payments/confirm", body, good={200})
    assert confirmed["payment"]["status"] == "completed"
    await everything.restart(victim)
    part = {"refundReason": "일부", "refundAmount": 20_000}
    await _insist(stack, f"/payments/{payment['id']}/refund", part, good={200})
    await everything.restart(victim)
    rest = await _insist(stack, f"/payments/{payment['id']}/refund", {"refundReason": "전부"}, good={200})
    assert (rest["payment"]["status"], rest["payment"]["refundedAmount"]) == ("refunded", 50_000)

    at_toss = (await stack.toss.get(f"/v1/payments/{payment['paymentKey']}")).body
    assert [cancel["cancelAmount"] for cancel in at_toss["cancels"]] == [20_000, 30_000]
    assert (await stack.row("SELECT status FROM orders"))["status"] == "REFUNDED"

    left: list[object] = []  # what a failure of this test shows

    async def quiet() -> bool:
        open_rows = await stack.rows("SELECT * FROM payment_transactions WHERE status = 'pending'")
        waiting = await stack.rows("SELECT * FROM webhook_events WHERE status = 'received'")
        left[:] = [*open_rows, *waiting]
        return not left

    # A worker that dies in the middle of a look keeps its lease: three times what a read may take, here 18 s. Webhooks
    # about what we did ourselves teach nothing, and are believed ever more slowly, up to 64 s.
    await stack.eventually(quiet, within_s=120)
