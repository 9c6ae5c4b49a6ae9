"""The other side: every published example is taken, so that none of the refusals is for another reason."""

import json

import pytest

from tests.http.doors import Door, doors
from tests.http.wire import Answer
from tests.http.world import OPEN_DOORS, World

READS = [door for door in doors() if door.method == "GET"]
# These ask Toss, and every question is on record.
ASKING = (
    "/payments/{payment_id}/status",
    *(f"/api/payments/toss/{x}" for x in ("promotions", "transactions", "settlements")),
)
# What is in doubt has to be brought about first: tests/acceptance/test_desk.py does.
IN_DOUBT = "/api/ops/doubtful/"
# What deletes comes last; Toss, which has a door to itself, sends no keys.
WITHOUT_BODY = sorted(
    (door for door in doors() if door.method != "GET" and not door.fields and str(door) not in OPEN_DOORS),
    key=lambda door: door.method == "DELETE",
)
ORDER = ("POST /api/orders", "POST /payments/request", "POST /payments/confirm", "POST /api/payments/toss/confirm")


@pytest.mark.parametrize("door", READS, ids=str)
def test_what_exists_is_read(world: World, door: Door) -> None:
    before = world.ledger.read()
    answer = world.wire.send("GET", world.target(door))
    assert (answer.status, answer.media_type) == (200, "application/json"), answer.body
    if door.path in ASKING and answer.headers.get("paywon-cache") != "hit":
        assert world.ledger.read() != before
    else:
        assert world.ledger.read() == before


def test_every_query_parameter_is_taken(world: World) -> None:
    query = "userId=6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001&status=completed&page=1&limit=1"
    first = world.wire.send("GET", f"/payments?{query}").json()
    assert (first["total"], len(first["payments"])) == (2, 1)
    second = world.wire.send("GET", f"/payments?{query}&cursor={first['nextCursor']}").json()
    assert second["payments"][0]["id"] != first["payments"][0]["id"]


def kept(world: World) -> list[tuple[str, int, str | None]]:
    """All rows but Toss's webhooks, which come as they like."""
    return [row for row in world.ledger.read() if not row[0].startswith("webhook")]


def goes_on_where_it_died(world: World, door: Door, body: bytes | None, key: str, answer: Answer) -> None:
    """As a crash before the reply was kept leaves it, a minute ago: the repeat does nothing anew, and says the same."""
    world.ledger.run_once(
        "UPDATE idempotency_keys SET status = NULL, sealed_body = NULL, created_at = now() - interval '1 minute'"
    )
    before = [row for row in kept(world) if row[0] != "idempotency_keys"]
    again = world.wire.send(door.method, world.target(door), body, headers=[f"Idempotency-Key: {key}"])
    assert (again.status, again.body, again.headers.get("idempotent-replayed")) == (answer.status, answer.body, None)
    assert [row for row in kept(world) if row[0] != "idempotency_keys"] == before


@pytest.mark.parametrize("door", [d for d in doors() if d.fields and not d.path.startswith(IN_DOUBT)], ids=str)
def test_the_example_is_taken_and_written_once_for_a_key(world: World, door: Door) -> None:
    body, headers = world.good(door), [f"Idempotency-Key: once-{door.method}-{door.path}"]
    assert body is not None
    before = kept(world)
    answer = world.wire.send(door.method, world.target(door), body, headers=headers)
    assert answer.status in (200, 201, 202), (answer.status, answer.body.decode())
    written = kept(world)
    assert written != before
    again = world.wire.send(door.method, world.target(door), body, headers=headers)
    assert (again.status, again.body, again.headers.get("idempotent-replayed")) == (answer.status, answer.body, "true")
    other = world.wire.send(door.method, world.target(door), body + b" ", headers=headers)
    assert (other.status, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert kept(world) == written
    if door.path.startswith("/api/ops/"):
        goes_on_where_it_died(world, door, body, f"once-{door.method}-{door.path}", answer)


def test_the_order_of_the_document_is_taken_on_any_day(world: World) -> None:
    (door,) = [door for door in doors() if str(door) == "POST /api/orders"]
    # The example of POST /payments/request is of the same booking, so that it may have an order already.
    ours = {"resourceId": "booking-as-printed"}
    answer = world.wire.send("POST", "/api/orders", json.dumps({**(door.example or {}), **ours}).encode())
    assert answer.status == 201, answer.body.decode()


@pytest.mark.parametrize("door", WITHOUT_BODY, ids=str)
def test_a_write_without_a_body_is_done_once_for_a_key(world: World, door: Door) -> None:
    answer = world.wire.send(door.method, world.target(door), headers=[f"Idempotency-Key: {door.method}-{door.path}"])
    assert answer.status in (200, 202), (answer.status, answer.body.decode())
    written = kept(world)
    again = world.wire.send(door.method, world.target(door), headers=[f"Idempotency-Key: {door.method}-{door.path}"])
    assert (again.status, again.body, again.headers.get("idempotent-replayed")) == (answer.status, answer.body, "true")
    assert kept(world) == written
    goes_on_where_it_died(world, door, None, f"{door.method}-{door.path}", answer)


def test_what_was_given_comes_back(world: World) -> None:
    body = {
        "orderName": "😀 👨\u200d👩\u200d👧 가\u0301 <b>&amp;</b> ' -- \\ \"",
        "amount": 9_999_999_999,
        "taxFreeAmount": 9_999_999_999,
        "userId": "A.b_c:d@e=f+g-1",
        "metadata": {"키 $.a[0]": "", "__proto__": "x" * 2000},
    }
    answer = world.wire.send("POST", "/api/orders", json.dumps(body).encode())
    assert answer.status == 201, answer.body
    read = world.wire.send("GET", f"/api/orders/{answer.json()['id']}").json()
    assert {name: read[name] for name in body} == body
    for last in ("2999-12-30T00:00:00.999999-23:59", "2999-12-30T00:00:00+23:59"):
        wish = {"kind": "time_capsule", "timeOption": "CUSTOM", "headcount": 1, "title": "t", "customOpenAt": last}
        far = {**body, "fulfilment": wish}
        answer = world.wire.send("POST", "/api/orders", json.dumps(far).encode())
        assert answer.status == 201, answer.body
        assert world.wire.send("GET", f"/api/orders/{answer.json()['id']}").status == 200


def test_a_fulfilment_that_is_not_installed_is_told_with_what_there_is(world: World) -> None:
    order = {"orderName": "방", "amount": 9_000, "userId": "user-7", "fulfilment": {"kind": "attic"}}
    answer = world.refused(None, "POST", "/api/orders", json.dumps(order).encode())
    told = answer.json()
    assert (answer.status, told["code"], told["field"]) == (400, "UNKNOWN_FULFILMENT", "fulfilment.kind")
    assert "none, event, time_capsule" in told["message"]
    order["fulfilment"] = {"kind": "none", "options": {"room": 7}}
    answer = world.refused(None, "POST", "/api/orders", json.dumps(order).encode())
    assert (answer.status, answer.json()["field"]) == (422, "fulfilment.options")
