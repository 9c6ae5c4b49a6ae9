"""The doors of events: what is registered, changed, shown once, and asked for again."""

import json
from typing import Any

import pytest

from paywon.outbox.model import FILTERS, EventType
from tests.http.world import NOBODYS_ID, World, check_problem

PATH = "/api/ops/event-endpoints"
ODD = ("A B", "order.paid\n", "\u0000", "order.paid ", "Order.Paid")
# An address, so that no name has to be looked up.
WISH = {"url": "https://1.1.1.1/hook", "events": ["order.*"]}


def ask(world: World, method: str, path: str, body: object = None, *headers: str) -> Any:
    raw = None if body is None else json.dumps(body).encode()
    answer = world.wire.send(method, path, raw, headers=[line.encode() for line in headers])
    assert answer.status in (200, 201, 202), answer.body
    return answer.json()


def refused(world: World, method: str, path: str, body: object) -> tuple[int, str, str | None]:
    answer = world.refused(None, method, path, json.dumps(body).encode())
    return answer.status, answer.json()["code"], answer.json().get("field")


def test_the_secret_is_shown_once(world: World) -> None:
    made = ask(world, "POST", PATH, WISH)
    assert made["secret"].startswith("whsec_")
    path = f"{PATH}/{made['endpoint']['id']}"
    shown = ask(world, "GET", path)
    assert shown == made["endpoint"]
    assert (shown["state"], shown["enabled"], shown["failingSince"], shown["disabledReason"]) == (
        "enabled",
        True,
        None,
        None,
    )
    for answer in (shown, ask(world, "GET", PATH), ask(world, "PATCH", path, {"description": "x"})):
        assert made["secret"] not in json.dumps(answer)
    rotated = ask(world, "POST", f"{path}/rotate-secret", {"overlapHours": 2})
    assert rotated["secret"] != made["secret"]
    assert rotated["endpoint"]["previousSecretUntil"] is not None
    at_once = ask(world, "POST", f"{path}/rotate-secret", {"overlapHours": 0})
    assert at_once["endpoint"]["previousSecretUntil"] is None


def test_the_same_request_twice_registers_once_and_shows_the_same_secret(world: World) -> None:
    key = "Idempotency-Key: events-1"
    first = ask(world, "POST", PATH, WISH, key)
    assert ask(world, "POST", PATH, WISH, key) == first
    path = f"{PATH}/{first['endpoint']['id']}/rotate-secret"
    rotated = ask(world, "POST", path, {}, "Idempotency-Key: events-2")
    assert ask(world, "POST", path, {}, "Idempotency-Key: events-2") == rotated != first


def test_disabled_enabled_and_deleted(world: World) -> None:
    path = f"{PATH}/{ask(world, 'POST', PATH, WISH)['endpoint']['id']}"
    off = ask(world, "PATCH", path, {"enabled": False})
    assert (off["state"], off["enabled"], off["disabledReason"]) == ("disabled", False, "OPERATOR")
    assert off["disabledAt"] is not None
    for what, body in (("test", None), ("redeliver", {"since": "2026-11-22T00:00:00Z"})):
        answer = world.refused(None, "POST", f"{path}/{what}", json.dumps(body).encode() if body else None)
        assert (answer.status, answer.json()["code"]) == (409, "EVENT_ENDPOINT_DISABLED")
    on = ask(world, "PATCH", path, {"enabled": True})
    assert (on["state"], on["disabledAt"], on["disabledReason"]) == ("enabled", None, None)
    assert ask(world, "DELETE", path)["enabled"] is False
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        answer = world.refused(None, method, path, json.dumps(body).encode() if body is not None else None)
        assert (answer.status, answer.json()["code"]) == (404, "EVENT_ENDPOINT_NOT_FOUND")
    assert path.rpartition("/")[2] not in json.dumps(ask(world, "GET", f"{PATH}?limit=200"))


@pytest.mark.parametrize(
    "url",
    [
        "http://1.1.1.1/",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/",
        "https://user:secret@1.1.1.1/",
        "https://1.1.1.1/#x",
        "https://2130706433/",
        "https://metadata.google.internal/",
    ],
)
def test_an_address_that_nothing_is_sent_to_is_refused_with_what_would_be_right(world: World, url: str) -> None:
    path = f"{PATH}/{world.known['endpoint_id']}"
    for method, target, body in (("POST", PATH, {**WISH, "url": url}), ("PATCH", path, {"url": url})):
        assert refused(world, method, target, body) == (422, "ENDPOINT_URL_REFUSED", "url")
    answer = world.wire.send("POST", PATH, json.dumps({**WISH, "url": url}).encode(), headers=[b"Accept-Language: en"])
    check_problem(answer, english=True)
    assert "https:// address" in answer.json()["message"]


def test_an_event_that_there_is_not_is_refused_with_all_that_there_are(world: World) -> None:
    for name in ("order.sold", "orders.*", "endpoint.test", "endpoint.*", "payment.", "", "x" * 999, *ODD):
        answer = world.wire.send("POST", PATH, json.dumps({**WISH, "events": [name]}).encode())
        assert (answer.status, answer.json()["code"], answer.json()["field"]) == (422, "EVENT_FILTER_UNKNOWN", "events")
        assert all(known in answer.json()["message"] for known in FILTERS)


def test_every_filter_is_taken(world: World) -> None:
    made = ask(world, "POST", PATH, {**WISH, "events": [*FILTERS, *FILTERS[:5]]})
    assert made["endpoint"]["events"] == list(FILTERS)
    ask(world, "DELETE", f"{PATH}/{made['endpoint']['id']}")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"until": "2026-11-22T00:00:00Z"},
        {"eventId": NOBODYS_ID, "since": "2026-11-22T00:00:00Z"},
        {"eventId": NOBODYS_ID, "until": "2026-11-22T00:00:00Z"},
        {"since": "2026-11-22T00:00:00Z", "until": "2026-11-21T00:00:00Z"},
    ],
)
def test_either_one_event_or_a_span(world: World, body: dict[str, str]) -> None:
    path = f"{PATH}/{world.known['endpoint_id']}/redeliver"
    field = "until" if set(body) == {"since", "until"} else "eventId"
    assert refused(world, "POST", path, body) == (422, "REDELIVERY_FIELDS", field)


def test_one_event_is_asked_for_again(world: World) -> None:
    path = f"{PATH}/{world.known['endpoint_id']}/redeliver"
    assert ask(world, "POST", path, {"eventId": world.known["event_id"]}) == {"events": 1}
    assert refused(world, "POST", path, {"eventId": NOBODYS_ID}) == (404, "EVENT_NOT_FOUND", "eventId")
    wrong: list[object] = ["", "x", 1, True, [], {}, "0" * 31]
    for bad in wrong:
        assert refused(world, "POST", path, {"eventId": bad}) == (400, "INVALID_REQUEST", "eventId"), bad


def test_what_was_told_is_listed_by_what_it_is_about(world: World) -> None:
    order = world.known["order_id"]
    told = ask(world, "GET", f"/api/ops/events?about={order}")["events"]
    assert [event["type"] for event in reversed(told)] == [
        "payment.requested", "payment.completed", "order.paid", "capsule.created",
    ]  # fmt: skip
    assert {event["about"] for event in told} == {order}
    newest = ask(world, "GET", f"/api/ops/events?about={order}&limit=3")
    (oldest,) = ask(world, "GET", f"/api/ops/events?about={order}&limit=3&cursor={newest['nextCursor']}")["events"]
    assert oldest == told[-1]


def test_a_delivery_is_seen_from_both_sides(world: World) -> None:
    ask(world, "POST", f"{PATH}/{world.known['endpoint_id']}/test")
    listed = ask(world, "GET", f"{PATH}/{world.known['endpoint_id']}/deliveries?status=pending&limit=1")
    (delivery,) = listed["deliveries"]
    assert (delivery["type"], delivery["attempts"], delivery["status"]) == ("endpoint.test", 0, "pending")
    event = ask(world, "GET", f"/api/ops/events/{delivery['eventId']}")
    assert event["deliveries"] == [{**delivery, "tries": []}]
    assert event["data"] == {"endpoint": {"id": world.known["endpoint_id"]}}


@pytest.mark.parametrize("cursor", ["MQ=", "eA", "MDE", "LTE", "MS4w", "OTk5OTk5OTk5OTk5OTk5OTk5OQ"])
def test_a_cursor_that_nobody_gave_out(world: World, cursor: str) -> None:
    for path in ("/api/ops/events", f"{PATH}/{world.known['endpoint_id']}/deliveries"):
        answer = world.refused(None, "GET", f"{path}?cursor={cursor}")
        assert (answer.status, answer.json()["code"]) == (400, "CURSOR_INVALID"), cursor


def test_the_types_are_listed_with_their_schemas(world: World) -> None:
    types = ask(world, "GET", "/api/ops/event-types")["types"]
    assert [kind["type"] for kind in types] == list(EventType)
    assert all(kind["schema"]["properties"]["type"] == {"const": kind["type"]} for kind in types)
