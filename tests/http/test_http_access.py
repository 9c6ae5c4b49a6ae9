"""Who may ask: every door × every key that must not open it."""

import json

import pytest

from tests.http.doors import Door, doors
from tests.http.world import OPEN_DOORS, World, check_problem

SCOPES = {
    "POST /api/orders": "orders:write",
    "GET /api/orders/{order_id}": "orders:read",
    "GET /api/capsules/{capsule_id}": "orders:read",
    "POST /payments/request": "payments:write",
    "POST /payments/confirm": "payments:write",
    "POST /payments/{payment_id}/refund": "refunds:write",
    "GET /payments/{payment_id}": "payments:read",
    "GET /payments": "payments:read",
    "GET /payments/{payment_id}/transactions": "payments:read",
    "GET /payments/{payment_id}/receipt": "payments:read",
    "GET /payments/{payment_id}/status": "payments:read",
    "GET /payments/{payment_id}/cash-receipts": "payments:read",
    "POST /payments/{payment_id}/cash-receipts": "payments:write",
    "POST /payments/{payment_id}/cash-receipts/{receipt_id}/cancel": "payments:write",
    "GET /api/payments/toss/promotions": "settlements:read",
    "GET /api/payments/toss/transactions": "settlements:read",
    "GET /api/payments/toss/settlements": "settlements:read",
    "POST /api/payments/toss/confirm": "payments:write",
    "GET /api/payments/toss/{payment_key}": "payments:read",
    "GET /api/payments/toss/orders/{order_no}": "payments:read",
    "POST /api/payments/toss/{payment_key}/cancel": "refunds:write",
    "POST /api/payments/toss/billing/issue": "billing:write",
    "GET /api/payments/toss/billing": "payments:read",
    "GET /api/payments/toss/billing/{billing_key}": "payments:read",
    "POST /api/payments/toss/billing/{billing_key}": "billing:write",
    "DELETE /api/payments/toss/billing/{billing_key}": "billing:write",
}
CLOSED = pytest.mark.parametrize("door", [door for door in doors() if str(door) not in OPEN_DOORS], ids=str)


def test_every_door_is_either_open_or_has_its_scope() -> None:
    assert {str(door) for door in doors()} == OPEN_DOORS | set(SCOPES)


@CLOSED
@pytest.mark.parametrize("key", ["expired", "revoked"])
def test_a_key_that_opens_nothing_any_more(world: World, door: Door, key: str) -> None:
    answer = world.refused(door, door.method, world.target(door), world.good(door), key=world.keys[key])
    assert (answer.status, answer.json()["code"]) == (401, "UNAUTHENTICATED")


@CLOSED
def test_a_key_without_the_scope(world: World, door: Door) -> None:
    for key in ("no scope", f"without {SCOPES[str(door)]}"):
        answer = world.refused(door, door.method, world.target(door), world.good(door), key=world.keys[key])
        assert (answer.status, answer.json()["code"]) == (403, "FORBIDDEN")
        assert SCOPES[str(door)] in answer.json()["message"]


@CLOSED
def test_an_authorization_that_is_missing_or_garbled(world: World, door: Door) -> None:
    key = world.keys["all"].encode()
    garbled: list[list[bytes]] = [
        [],
        [b""],
        [b"Bearer"],
        [b"Bearer "],
        [b"Bearer pwk_"],
        [b"Bearer pwk_nobody"],
        [b"Basic cHdrX3g6"],
        [b"Digest " + key],
        [b"Bearer" + key],
        [key],
        [b"Bearer " + key + b" x"],
        [b"Bearer " + key[:-1]],
        [b"Bearer " + key.upper()],
        [b"Bearer x, Bearer " + key],
        [b"Bearer pwk_\xff\xfe"],
        [b"Bearer pwk_\xed\xa0\x80"],
        [b"Bearer \xed\x95\x9c\xea\xb8\x80"],
        [b"Bearer pwk_a\tb"],
        [b"Bearer pwk_%00"],
        [b"Bearer pwk_" + b"a" * 50_000],
        [b"\xff"],
    ]
    for lines in garbled:
        headers = [b"Authorization: " + line for line in lines]
        answer = world.refused(door, door.method, world.target(door), world.good(door), key=None, headers=headers)
        assert (answer.status, answer.json()["code"]) == (401, "UNAUTHENTICATED"), lines
        assert answer.headers["www-authenticate"] == "Bearer"


@CLOSED
def test_who_may_not_ask_learns_nothing(world: World, door: Door) -> None:
    """Bad input, unknown ids and bad keys are told apart only to those who may look."""
    target = door.path.format(**{item.spelling: "0" * 32 for item in door.in_path})
    body = b"{broken" if door.fields else None
    answer = world.refused(door, door.method, target, body, key="pwk_nobody")
    assert answer.status == 401
    answer = world.refused(door, door.method, target, body, key=world.keys["no scope"])
    assert answer.status == 403


def test_the_scheme_is_spelt_in_any_case(world: World) -> None:
    for scheme in ("bearer", "BEARER", "Bearer  "):
        line = f"Authorization: {scheme} {world.keys['all']}"
        assert world.wire.send("GET", "/payments", key=None, headers=[line]).status == 200


@pytest.mark.parametrize(
    ("asked", "english"),
    [
        (None, False),
        ("", False),
        ("en", True),
        ("en-US,en;q=0.9", True),
        ("ko-KR,ko;q=0.9,en;q=0.8", False),
        ("ko;q=0.5, en", True),
        ("en;q=0.5,ko;q=0.9", False),
        ("en;q=0, ko;q=0", False),
        ("ko;q=0,en", True),
        ("de, fr;q=0.9", False),
        ("de, en;q=0.1", True),
        ("*", False),
        ("EN-gb", True),
        ("enough", False),
        ("kok,en", True),
        ("en;q=abc", True),
        ("en;q=1.0001;x=y", True),
        (";;;,,,=", False),
        ("en," * 15_000, True),
        ("\xff\xfe", False),
    ],
)
def test_the_language_is_the_callers(world: World, asked: str | None, english: bool) -> None:
    headers = [] if asked is None else [b"Accept-Language: " + asked.encode("latin-1")]
    for target in ("/payments?page=0", "/payments?cursor=x", "/payments/zz", "/nope"):
        answer = world.wire.send("GET", target, headers=headers)
        check_problem(answer, english=english)
    body = json.dumps({"orderName": 1}).encode()
    check_problem(world.wire.send("POST", "/api/orders", body, headers=headers), english=english)
