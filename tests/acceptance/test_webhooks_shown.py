"""What operators see of the webhook door: each webhook that is stored, and how many deliveries were not taken."""

import itertools
from datetime import datetime, timedelta
from typing import Any

from paywon.base.clock import KST
from tests.conftest import OpenStack
from tests.support.inbox import SECRET, signature
from tests.support.stack import Reply, Stack

SIGNED = {"TOSS_PAYMENTS_WEBHOOK_SECRET": SECRET, "PAYWON_TRUSTED_PROXIES": "127.0.0.1"}
WEBHOOKS = "/api/ops/webhooks"
_numbers = itertools.count()


async def _send(stack: Stack, raw: bytes, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await stack.api.send("POST", "/payments/webhook", data=raw, headers={"Content-Type": "text/plain"} | named)


def _about(order_no: str, **data: Any) -> bytes:
    more = "".join(f', "{name}": "{value}"' for name, value in data.items())
    return f'{{"eventType": "PAYMENT_STATUS_CHANGED", "data": {{"orderId": "{order_no}"{more}}}}}'.encode()


async def _processed(stack: Stack, count: int) -> list[dict[str, Any]]:
    async def so() -> list[dict[str, Any]]:
        rows = await stack.rows("SELECT * FROM webhook_events WHERE status = 'processed' ORDER BY received_at")
        return rows if len(rows) >= count else []

    found: list[dict[str, Any]] = await stack.eventually(so)
    return found


async def test_a_webhook_is_shown_whole(open_stack: OpenStack) -> None:
    stack = await open_stack(**SIGNED)
    payment = await stack.paid()
    await _processed(stack, 1)
    raw = _about(payment["orderId"], paymentKey=payment["paymentKey"], customerName="홍길동")
    assert (await _send(stack, raw, toss_signature=signature(raw), X_Forwarded_For="203.0.113.5")).status == 200
    await _processed(stack, 2)
    again = await _send(stack, raw, toss_signature=signature(raw), X_Forwarded_For="203.0.113.6")
    assert (again.status, again["repeated"]) == (200, True)
    (listed,) = (await stack.api.get(f"{WEBHOOKS}?verdict=signed"))["webhooks"]
    reply = await stack.api.get(f"{WEBHOOKS}/{listed['id']}")
    assert reply.status == 200, reply
    assert (reply["orderNo"], reply["paymentId"]) == (payment["orderId"], payment["id"])
    assert (reply["paymentKey"], reply["repeats"], reply["askedAgainBy"] is None) == (payment["paymentKey"], 1, True)
    repeat, first = reply["deliveries"]
    assert [(each["sourceAddress"], each["repeat"], each["verdict"]) for each in (first, repeat)] == [
        ("203.0.113.5", False, "signed"),
        ("203.0.113.6", True, "signed"),
    ]
    assert first["headers"]["toss-signature"] == repeat["headers"]["toss-signature"] == signature(raw)
    assert first["at"] == reply["receivedAt"] <= repeat["at"]
    assert "홍길동" not in str(reply.body), "bodies are redacted"
    assert reply["body"]["data"]["orderId"] == payment["orderId"]
    trail = (await stack.api.get(f"/payments/{payment['id']}/transactions"))["transactions"]
    told = {row["id"]: row for row in trail if row["type"] == "webhook_received"}
    assert len(told) == 2
    assert (told[listed["id"]]["requestData"]["verdict"], told[listed["id"]]["ipAddress"]) == ("signed", "203.0.113.5")
    assert told[listed["id"]]["outcome"] is None, "it is no answer of Toss's to a question of ours"


async def test_the_list_goes_on_where_it_left_off_and_is_narrowed(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False)
    orders = [f"ORD-OTHER-{number}" for number in range(3)]
    for number in range(7):
        assert (await _send(stack, _about(orders[number % 3], n=next(_numbers)))).status == 200
    rows = await stack.rows("SELECT id FROM webhook_events ORDER BY received_at DESC, id DESC")
    newest_first = [str(row["id"]) for row in rows]
    seen, cursor = [], ""
    while True:
        page = await stack.api.get(f"{WEBHOOKS}?limit=3{cursor}")
        seen += [each["id"] for each in page["webhooks"]]
        if page["nextCursor"] is None:
            break
        assert len(page["webhooks"]) == 3
        cursor = f"&cursor={page['nextCursor']}"
    assert seen == newest_first
    today = datetime.now(KST).date()
    for query, count in {
        f"orderNo={orders[0]}": 3,
        "status=ignored": 7,
        "status=parked": 0,
        "verdict=refetched&status=ignored": 7,
        "verdict=signed": 0,
        f"startDate={today - timedelta(days=1)}&endDate={today}": 7,
        f"endDate={today - timedelta(days=1)}": 0,
        f"startDate={today + timedelta(days=1)}": 0,
    }.items():
        assert len((await stack.api.get(f"{WEBHOOKS}?{query}"))["webhooks"]) == count, query
    for query, status, field in (
        ("status=done", 400, "status"),
        ("verdict=believed", 400, "verdict"),
        ("orderNo=a%20b", 400, "orderNo"),
        ("startDate=2026-02-31", 400, "startDate"),
        ("startDate=2026-03-02&endDate=2026-03-01", 422, "startDate"),
        ("limit=0", 400, "limit"),
        ("cursor=zz", 400, "cursor"),
        ("orderno=ORD-1", 400, "orderno"),
    ):
        refused = await stack.api.get(f"{WEBHOOKS}?{query}")
        assert (refused.status, refused["field"]) == (status, field), query
    unknown = await stack.api.get(f"{WEBHOOKS}/019ab000-0000-7000-8000-000000000000")
    assert (unknown.status, unknown["code"]) == (404, "WEBHOOK_NOT_FOUND")


async def _refused(stack: Stack) -> dict[str, int]:
    days = (await stack.api.get(f"{WEBHOOKS}/refused"))["days"]
    today = [day for day in days if day["day"] == str(datetime.now(KST).date())]
    return {name: sum(day[name] for day in today) for name in ("malformed", "rejected", "overLimit", "failed")}


async def test_what_is_not_taken_is_counted(open_stack: OpenStack) -> None:
    """By day and by what was the matter, whichever part of the house refused it, and beyond an orderly stop."""
    stack = await open_stack(worker=False, fresh=True, PAYWON_RATE_PER_MINUTE_WEBHOOK="12", **SIGNED)
    assert (await stack.api.get(f"{WEBHOOKS}/refused"))["days"] == []
    for raw, status in {b"{broken": 400, b"[1]": 400, b"{}": 400, b"x" * 70_000: 413}.items():
        assert (await _send(stack, raw)).status == status
    await stack.api.close()  # whose body is too large has the connection closed
    for _ in range(2):  # each time it comes
        assert (await _send(stack, _about("ORD-OTHER"), toss_signature="00" * 32)).status == 401
    assert (await _send(stack, _about("ORD-OTHER"))).status == 200
    counted = await _refused(stack)
    assert counted == {"malformed": 4, "rejected": 2, "overLimit": 0, "failed": 0}, "what is taken is not counted"
    limited = 0
    for _ in range(30):
        limited += (await _send(stack, _about("ORD-OTHER", n=next(_numbers)))).status == 429
    assert limited >= 8
    assert await _refused(stack) == counted | {"overLimit": limited}
    rows = "SELECT kind, count FROM webhook_refusals"

    async def written() -> bool:
        return {row["kind"]: row["count"] for row in await stack.rows(rows)} == {
            "malformed": 4, "rejected": 2, "over_limit": limited
        }  # fmt: skip

    await stack.eventually(written)
    assert await _refused(stack) == counted | {"overLimit": limited}, "what is written is not counted twice"
    assert (await _send(stack, b"{broken")).status in (400, 429)
    await stack.api.close()
    stack.apis[0].stop()
    assert sum(row["count"] for row in await stack.rows(rows)) == 6 + limited + 1
