"""What a caller is told when our own database dies after the question to Toss is on record."""

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from paywon.base.clock import SystemClock
from paywon.db.pool import CommitUnknownError, Database
from paywon.operators.commands import create_api_key
from paywon.operators.model import Scope
from tests.crash.proxy import Proxy
from tests.crash.watch import Watch
from tests.crash.world import Ground, open_ground
from tests.support.stack import Reply, Stack

SLOW_MS = 3000


@pytest.fixture
async def ground() -> AsyncIterator[Ground]:
    """A PostgreSQL of the test's own, to be killed."""
    async with open_ground() as made:
        yield made


@asynccontextmanager
async def _shop(ground: Ground, folder: Path) -> AsyncIterator[Stack]:
    url = await ground.template.copy()
    db = await Database.connect(url, max_connections=1, application_name="test")
    key = await create_api_key(db, name="test", scopes=list(Scope), expires_at=None, clock=SystemClock())
    await db.close()
    stack = Stack(
        database_url=url,
        sandbox_url=ground.sandbox_url,
        toss_key=f"test_sk_{secrets.token_hex(12)}",
        api_key=key,
        folder=folder,
        settings={"PAYWON_RESOLVE_AFTER_S": "1"},
    )
    try:
        await stack.open(worker=False)
        yield stack
    finally:
        await ground.whole()
        await stack.close()


async def _killed_while_toss_works(ground: Ground, stack: Stack, path: str, body: Any, **options: Any) -> Reply:
    """Send a write, kill PostgreSQL while Toss works on it, and answer what the caller got while it was down."""
    asking = asyncio.create_task(stack.api.post(path, body, **options))
    await asyncio.sleep(SLOW_MS / 2000)
    ground.postgres.signal(signal.SIGQUIT)
    try:
        return await asking
    finally:
        ground.crash_postgres()
        await ground.whole()


def _unknown(reply: Reply) -> None:
    assert (reply.status, reply["code"]) == (202, "OUTCOME_UNKNOWN"), reply
    assert reply.headers["location"].startswith(("/payments/", "/api/payments/toss/"))
    assert "Idempotency-Key" in reply["message"]


async def test_a_refund_during_which_the_database_dies_is_not_said_to_have_done_nothing(
    ground: Ground, tmp_path: Path
) -> None:
    async with _shop(ground, tmp_path) as stack:
        payment = await stack.paid()
        await stack.fault(kind="delay", path=f"/v1/payments/{payment['paymentKey']}/cancel", delayMs=SLOW_MS)
        refund = {"refundReason": "x", "refundAmount": 3_000}
        told = {"headers": {"Idempotency-Key": "r-1"}}
        path = f"/payments/{payment['id']}/refund"
        reply = await _killed_while_toss_works(ground, stack, path, refund, **told)
        _unknown(reply)
        assert reply.headers["location"] == f"/payments/{payment['id']}"
        await stack.start_worker()

        async def learned() -> bool:
            return bool((await stack.api.get(reply.headers["location"]))["refundedAmount"] == 3_000)

        await stack.eventually(learned, within_s=30)

        async def repeated() -> Reply | None:
            await asyncio.sleep(1)
            again = await stack.api.post(path, refund, **told)
            return again if again.status == 200 else None

        again = await stack.eventually(repeated, within_s=30)
        assert again["payment"]["refundedAmount"] == 3_000, "the repeat with the same key learns the truth"
        assert len((await stack.toss.get(f"/v1/payments/{payment['paymentKey']}"))["cancels"]) == 1


async def test_every_question_during_which_the_database_dies_has_an_unknown_outcome(
    ground: Ground, tmp_path: Path
) -> None:
    async with _shop(ground, tmp_path) as stack:
        confirm = await stack.ready_to_confirm()
        auth = (await stack.toss.post("/sandbox/billing-auth", {"customerKey": "customer-1"}))["authKey"]
        order = (await stack.api.post("/api/orders", {"orderName": "책", "amount": 9_000, "userId": "u"})).body
        account = {"orderId": order["orderNo"], "bank": "국민", "customerName": "홍길동"}
        request = {"userId": "u", "amount": 9_000, "paymentMethod": "card"}
        questions = [
            ("/payments/confirm", "/v1/payments/confirm", confirm),
            ("/payments/request", "/v1/payments", request),
            ("/api/payments/toss/virtual-accounts", "/v1/virtual-accounts", account),
            ("/api/payments/toss/billing/issue", "/v1/billing/", {"authKey": auth, "customerKey": "customer-1"}),
        ]
        for path, at_toss, body in questions:
            await stack.fault(kind="delay", path=at_toss, delayMs=SLOW_MS)
            _unknown(await _killed_while_toss_works(ground, stack, path, body))
            await stack.toss.send("DELETE", "/sandbox/faults")


async def test_a_commit_whose_answer_was_lost_is_told_as_unknown(ground: Ground) -> None:
    """The connection breaks while COMMIT is on its way; an error before that is what it was."""
    url = await ground.template.copy()
    socket_folder = urlsplit(url).query.removeprefix("host=")
    proxy = Proxy("pg", lambda: asyncio.open_unix_connection(f"{socket_folder}/.s.PGSQL.5432"), Watch())
    await proxy.open()
    through = urlunsplit(("postgresql", f"postgres:@127.0.0.1:{proxy.port}", urlsplit(url).path, "", ""))
    db = await Database.connect(through, max_connections=1, application_name="test")
    with pytest.raises(CommitUnknownError):
        async with db.transaction() as conn:
            pid = await conn.fetchval("SELECT pg_backend_pid()")
            other = await Database.connect(url, max_connections=1, application_name="other")
            async with other.connection() as beside:
                await beside.execute("SELECT pg_terminate_backend($1)", pid)
            await other.close()
            await asyncio.sleep(0.3)
    with pytest.raises(ZeroDivisionError):
        async with db.transaction():
            raise ZeroDivisionError
    await db.close()
    await proxy.close()
