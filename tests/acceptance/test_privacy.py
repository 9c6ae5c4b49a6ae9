"""``paywon privacy forget`` beside a running service: all that told of a person is gone, and everything still works."""

import asyncio
from typing import Any

import pytest
from yarl import URL

from tests.acceptance.test_billing import BILLING
from tests.acceptance.test_marked import CUSTOMER, SETTINGS, Play
from tests.conftest import OpenStack
from tests.start.running import paywon
from tests.support.marks import EMAIL, NAME, PHONE, marks_in_database
from tests.support.stack import SECRET_KEYS, Reply, Stack

USER = "marked-user-7"
AGENT = {"headers": {"User-Agent": "marked-phone/7.1", "Idempotency-Key": "marked-refund"}}


class Visit(Play):
    """The flows of one customer, whom the host tells much about."""

    async def order(self, amount: int = 12_000) -> dict[str, Any]:
        wish = {"orderName": "책", "amount": amount, "userId": USER, "metadata": {"pet": NAME}}
        reply = await self.post("/api/orders", wish)
        assert reply.status == 201, reply
        placed: dict[str, Any] = reply.body
        return placed


@pytest.fixture
async def visit(open_stack: OpenStack) -> Visit:
    return Visit(await open_stack(**SETTINGS))


async def test_a_person_is_forgotten_beside_the_running_service(visit: Visit) -> None:
    stack = visit.stack
    paid = await visit.checkout("CARD")
    refund = {"cancelReason": f"{NAME} 요청", "cancelAmount": 2_000}
    path = f"/api/payments/toss/{paid['paymentKey']}/cancel"
    assert (await visit.post(path, refund, **AGENT)).status == 200
    key_id = await _billed(visit)
    await _settled(stack)

    refused = await _forget(stack, USER, "--yes")
    assert refused.returncode == 1
    assert "billing key ACTIVE" in refused.stdout
    assert (await stack.api.send("DELETE", f"{BILLING}/{key_id}")).status == 200
    await _settled(stack)

    shown = await _forget(stack, USER)
    assert (shown.returncode, "nothing was changed" in shown.stdout) == (0, True), shown.stdout
    assert await _stands(stack, USER) == {"orders", "payments", "billing_keys"}
    done = await _forget(stack, USER, "--yes", "--operator", "개인정보 담당")
    assert done.returncode == 0, done.stdout
    assert not any(word in done.stdout for word in (USER, NAME))
    assert await marks_in_database(stack.database_url) == set()
    for word in (USER, "marked-phone", CUSTOMER, f"{NAME[:1]}***", f"{EMAIL[:1]}***", f"{PHONE[:1]}***"):
        assert await _stands(stack, word) == set(), word
    # From where Toss told that a billing key was deleted; the rest came from the person.
    assert await _stands(stack, "127.0.0.1") <= {"webhook_events"}
    assert (await _forget(stack, USER, "--yes")).returncode == 0

    # The books answer as before, a repeat does nothing twice, and the rest of the money can go back.
    again = await _repeated(visit, path, refund)
    assert (again.status, again["payment"]["balanceAmount"], "idempotent-replayed" in again.headers) == (
        200,
        10_000,
        False,
    )
    rest = await visit.post(path, {"cancelReason": "나머지"})
    assert (rest["order"]["status"], rest["payment"]["balanceAmount"]) == ("REFUNDED", 0)
    assert len(await stack.toss_requests(str(URL(f"/v1/payments/{paid['paymentKey']}/cancel")))) == 2
    settings = {"DATABASE_URL": stack.database_url, "PAYWON_ENV": "development"}
    verified = await asyncio.to_thread(lambda: paywon("audit", "verify", cwd=stack.folder, **settings))
    assert (verified.returncode, "breaks 0" in verified.stdout) == (0, True), verified.stdout


async def test_who_is_not_known_is_told_so(visit: Visit) -> None:
    ended = await _forget(visit.stack, "stranger", "--yes")
    assert (ended.returncode, len(ended.stdout.splitlines())) == (1, 1)
    assert "no order, payment or billing key of such a user" in ended.stdout


async def _billed(visit: Visit) -> str:
    """A billing key of the customer's, charged once; answer its id."""
    stack = visit.stack
    auth = await stack.toss.post("/sandbox/billing-auth", {"customerKey": CUSTOMER})
    wish = {"authKey": auth["authKey"], "customerKey": CUSTOMER, "userId": USER}
    issued = await visit.post(f"{BILLING}/issue", wish)
    assert issued.status == 201, issued
    key_id: str = issued["billingKey"]["id"]
    charge = {"orderId": (await visit.order())["orderNo"], "customerName": NAME, "customerEmail": EMAIL}
    assert (await visit.post(f"{BILLING}/{key_id}", charge)).status == 200
    return key_id


async def _repeated(visit: Visit, path: str, refund: dict[str, Any]) -> Reply:
    """Send a refund again under its key; a key without its reply counts as running until it is twelve seconds old."""
    reply: Reply = await visit.post(path, refund, **AGENT)
    while reply.status == 409:
        assert reply["code"] == "IDEMPOTENCY_KEY_RUNNING"
        await asyncio.sleep(float(reply.headers["retry-after"]))
        reply = await visit.post(path, refund, **AGENT)
    return reply


async def _forget(stack: Stack, user: str, *options: str) -> Any:
    told = {"DATABASE_URL": stack.database_url, "PAYWON_SECRET_KEYS": SECRET_KEYS, "PAYWON_ENV": "development"}
    return await asyncio.to_thread(
        lambda: paywon("privacy", "forget", "--user", user, *options, cwd=stack.folder, COLUMNS="200", **told)
    )


async def _stands(stack: Stack, word: str) -> set[str]:
    """The tables in which a word stands, but for those that tell of the API's own callers."""
    names = await stack.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    tables = {row["tablename"] for row in names}
    return {
        table
        for table in tables
        if await stack.rows(f'SELECT FROM "{table}" t WHERE position($1 IN to_jsonb(t)::text) > 0 LIMIT 1', word)
    } - {"pgqueuer", "pgqueuer_log"}


async def _settled(stack: Stack) -> None:
    async def quiet() -> bool:
        row = await stack.row(
            """
            SELECT (SELECT count(*) FROM payment_transactions WHERE status = 'pending')
              + (SELECT count(*) FROM webhook_events WHERE status = 'received') AS left
            """
        )
        return not row["left"]

    await stack.eventually(quiet, within_s=60)
