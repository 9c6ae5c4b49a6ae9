"""The webhook door in strict mode: what comes from Toss's addresses, or knows a secret, comes in; the rest does not."""

import itertools
from typing import Any

from tests.acceptance.test_virtual_accounts import bank_does, issue, order_is, place
from tests.conftest import OpenStack
from tests.support.stack import Reply, Stack

TOSS = "203.0.113.7"
STRICT = {
    "PAYWON_TRUSTED_PROXIES": "127.0.0.1",
    "PAYWON_WEBHOOK_SOURCES": f"{TOSS}, 198.51.100.0/28",
    "PAYWON_WEBHOOK_STRICT": "true",
    "PAYWON_DEPOSIT_HOLD_S": "1",
}
_numbers = itertools.count()


async def _tell(stack: Stack, forwarded: str | None, order_no: str) -> Reply:
    data = {"orderId": order_no, "status": "DONE", "n": next(_numbers)}
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    body: dict[str, Any] = {"eventType": "PAYMENT_STATUS_CHANGED", "data": data}
    return await stack.api.post("/payments/webhook", body, headers=headers)


async def test_only_what_comes_from_toss_or_knows_a_secret_comes_in(open_stack: OpenStack) -> None:
    stack = await open_stack(**STRICT)
    payment = await stack.paid()
    asked = len(await stack.toss_requests("/v1/payments"))
    for forwarded in (None, "192.0.2.1", f"{TOSS}, 192.0.2.1", "198.51.100.16", "garbage"):
        refused = await _tell(stack, forwarded, payment["orderId"])
        assert (refused.status, refused["code"]) == (401, "WEBHOOK_REJECTED"), forwarded
    rows = await stack.rows("SELECT DISTINCT reason FROM webhook_events WHERE status = 'rejected'")
    assert {"reason": "NOT_PROVEN"} in rows
    for forwarded in (TOSS, "198.51.100.15", f"192.0.2.1, {TOSS}"):
        assert (await _tell(stack, forwarded, payment["orderId"])).status == 200

    async def worked() -> bool:
        done = await stack.rows("SELECT FROM webhook_events WHERE status = 'processed'")
        return len(done) >= 3

    await stack.eventually(worked)
    assert len(await stack.toss_requests("/v1/payments")) > asked


async def test_a_deposit_is_told_by_its_secret_wherever_it_comes_from(open_stack: OpenStack) -> None:
    """The sandbox sends from an address that is on no list."""
    stack = await open_stack(**STRICT)
    order = await place(stack)
    await issue(stack, order)
    await bank_does(stack, order, "deposit")
    await order_is(stack, order, "PAID", "FULFILLED")
    told = await stack.rows("SELECT verdict FROM webhook_events WHERE status = 'processed'")
    assert {row["verdict"] for row in told} == {"secret_matched"}
