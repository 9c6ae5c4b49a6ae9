"""The request log, and the limit of the test environment."""

from __future__ import annotations

from tests.sandbox.client import Toss

EVER = "startDate=2020-01-01&endDate=2099-01-01"


async def test_the_request_log(toss: Toss) -> None:
    payment = await toss.paid()
    key, order_id = payment["paymentKey"], payment["orderId"]
    await toss.cancel(key, cancelAmount=99999)
    await toss.get("/v1/payments/unknown")
    lines = (await toss.get(f"/sandbox/requests?orderId={order_id}")).json["requests"]
    assert [(x["method"], x["path"], x["status"], x["code"]) for x in lines] == [
        ("POST", "/sandbox/checkout", 200, None),
        ("POST", "/v1/payments/confirm", 200, None),
        ("POST", f"/v1/payments/{key}/cancel", 403, "NOT_CANCELABLE_AMOUNT"),
    ]
    assert lines[0]["answer"] == {"paymentKey": key, "checkoutUrl": payment["checkout"]["url"]}
    assert lines[1]["body"] == {"paymentKey": key, "orderId": order_id, "amount": 15000}
    assert lines[1]["answer"] == payment
    assert lines[2]["answer"]["code"] == "NOT_CANCELABLE_AMOUNT"
    by_path = (await toss.get("/sandbox/requests?path=/v1/payments/unknown")).json["requests"]
    assert [(x["status"], x["body"]) for x in by_path] == [(404, None)]


async def test_long_bodies_are_cut(toss: Toss) -> None:
    for _ in range(12):
        await toss.paid()
    whole = await toss.get(f"/v1/transactions?{EVER}")
    await toss.post("/v1/payments/confirm", {"paymentKey": "x" * 5000})
    await toss.call("POST", "/v1/payments/confirm", raw=b"\xff{")
    listed, long, broken = (await toss.get("/sandbox/requests")).json["requests"][-3:]
    assert listed["answer"] == whole.raw[:4000].decode(errors="replace") + " …"
    assert (len(long["body"]), long["body"][-4:]) == (4002, "xx …")
    assert broken["body"] == "\ufffd{"


async def test_what_the_browser_script_asks_is_there_too(toss: Toss) -> None:
    async with Toss(toss.base_url, toss.key.replace("_sk_", "_ck_")) as browser:
        await browser.post("/sandbox/checkout", {"orderId": "order-of-a-browser"})
    [line] = (await toss.get("/sandbox/requests?orderId=order-of-a-browser")).json["requests"]
    assert (line["path"], line["status"], line["code"]) == ("/sandbox/checkout", 400, "REQUIRED_AMOUNT")


async def test_an_answer_that_was_not_sent_is_not_there(toss: Toss) -> None:
    await toss.fault(kind="half_body", path="/v1/payments")
    try:
        await toss.get("/v1/payments/unknown")
    except Exception as cut_off:
        assert "ClientPayloadError" in type(cut_off).__name__
    [line] = (await toss.get("/sandbox/requests")).json["requests"]
    assert (line["fault"], line["status"], line["answer"]) == ("half_body", None, None)


async def test_a_hundred_requests_a_minute(toss: Toss) -> None:
    """Off until it is switched on; for each endpoint by itself, on the key's clock (toss/api.md 1.4)."""
    await toss.ok("/sandbox/clock/freeze")
    await toss.ok("/sandbox/settings", {"requestsPerMinute": 3})
    headers = {"idempotency-key": "limited"}
    answers = [await toss.get("/v1/payments/unknown") for _ in range(4)]
    assert [answer.status for answer in answers] == [404, 404, 404, 429]
    assert answers[-1].code == "TOO_MANY_REQUESTS"
    assert (await toss.get("/v1/payments/orders/unknown")).status == 404
    confirms = [await toss.post("/v1/payments/confirm", {}, headers=headers) for _ in range(4)]
    assert [answer.status for answer in confirms] == [400, 400, 400, 429]
    await toss.advance(60)
    assert (await toss.get("/v1/payments/unknown")).status == 404
    assert (await toss.post("/v1/payments/confirm", {}, headers=headers)).status == 400
    await toss.ok("/sandbox/settings", {"requestsPerMinute": 0})
    assert {(await toss.get("/v1/payments/unknown")).status for _ in range(5)} == {404}
    assert (await toss.post("/sandbox/settings", {"requestsPerMinute": -1})).code == "BELOW_ZERO_AMOUNT"
