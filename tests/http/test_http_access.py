"""Who may ask: every door × every scope × whoever owns what is behind it."""

import json

import pytest

from paywon.base.catalogue import CATALOGUE
from paywon.operators.model import USER_SCOPES, Scope
from tests.http.doors import Door, doors
from tests.http.world import NOBODYS_ID, OPEN_DOORS, World, check_problem
from tests.support.tokens import token_of

NOTHING = "nothing of theirs is shown"
EVERYBODYS = "the same is shown to everybody"
# Every door: the scope that it wants, and what an app's user is told there about what is somebody else's.
RULES = {
    "POST /api/orders": ("orders:write", "NOT_YOURS"),
    "GET /api/orders/{order}": ("orders:read", "ORDER_NOT_FOUND"),
    "POST /api/orders/{order}/cancel": ("orders:write", "ORDER_NOT_FOUND"),
    "GET /api/capsules/{capsule_id}": ("orders:read", "CAPSULE_NOT_FOUND"),
    "POST /payments/request": ("payments:write", "NOT_YOURS"),
    "POST /payments/confirm": ("payments:write", "ORDER_NOT_FOUND"),
    "POST /payments/{payment_id}/refund": ("refunds:write", "PAYMENT_NOT_FOUND"),
    "GET /payments/{payment_id}": ("payments:read", "PAYMENT_NOT_FOUND"),
    "GET /payments": ("payments:read", NOTHING),
    "GET /payments/{payment_id}/transactions": ("payments:read", "PAYMENT_NOT_FOUND"),
    "GET /payments/{payment_id}/receipt": ("payments:read", "PAYMENT_NOT_FOUND"),
    "GET /payments/{payment_id}/status": ("payments:read", "PAYMENT_NOT_FOUND"),
    "GET /payments/{payment_id}/cash-receipts": ("payments:read", "PAYMENT_NOT_FOUND"),
    "POST /payments/{payment_id}/cash-receipts": ("payments:write", "PAYMENT_NOT_FOUND"),
    "POST /payments/{payment_id}/cash-receipts/{receipt_id}/cancel": ("payments:write", "PAYMENT_NOT_FOUND"),
    "GET /api/payments/toss/promotions": ("payments:read", EVERYBODYS),
    "GET /api/payments/toss/transactions": ("settlements:read", "FORBIDDEN"),
    "GET /api/payments/toss/settlements": ("settlements:read", "FORBIDDEN"),
    "POST /api/payments/toss/confirm": ("payments:write", "ORDER_NOT_FOUND"),
    "GET /api/payments/toss/{payment_key}": ("payments:read", "PAYMENT_NOT_FOUND"),
    "GET /api/payments/toss/orders/{order}": ("payments:read", "PAYMENT_NOT_FOUND"),
    "POST /api/payments/toss/{payment_key}/cancel": ("refunds:write", "PAYMENT_NOT_FOUND"),
    "POST /api/payments/toss/virtual-accounts": ("payments:write", "ORDER_NOT_FOUND"),
    "POST /api/payments/toss/billing/issue": ("billing:write", "FORBIDDEN"),
    "GET /api/payments/toss/billing": ("payments:read", NOTHING),
    "GET /api/payments/toss/billing/{billing_key}": ("payments:read", "BILLING_KEY_NOT_FOUND"),
    "POST /api/payments/toss/billing/{billing_key}": ("billing:write", "FORBIDDEN"),
    "DELETE /api/payments/toss/billing/{billing_key}": ("billing:write", "FORBIDDEN"),
    "GET /api/ops/invariants": ("ops:read", "FORBIDDEN"),
    "GET /api/ops/doubtful": ("ops:read", "FORBIDDEN"),
    "POST /api/ops/doubtful/questions/{attempt_id}/reread": ("ops:write", "FORBIDDEN"),
    "POST /api/ops/doubtful/questions/{attempt_id}/mark-failed": ("ops:write", "FORBIDDEN"),
    "POST /api/ops/doubtful/questions/{attempt_id}/cancel": ("ops:write", "FORBIDDEN"),
    "POST /api/ops/doubtful/strays/{stray_id}/cancel": ("ops:write", "FORBIDDEN"),
    "POST /api/ops/doubtful/fulfilments/{order_id}/retry": ("ops:write", "FORBIDDEN"),
    "GET /api/ops/webhooks": ("ops:read", "FORBIDDEN"),
    "GET /api/ops/webhooks/refused": ("ops:read", "FORBIDDEN"),
    "GET /api/ops/webhooks/{webhook_id}": ("ops:read", "FORBIDDEN"),
    "POST /api/ops/webhooks/{webhook_id}/reprocess": ("ops:write", "FORBIDDEN"),
    "POST /api/ops/event-endpoints": ("ops:write", "FORBIDDEN"),
    "GET /api/ops/event-endpoints": ("ops:read", "FORBIDDEN"),
    "GET /api/ops/event-endpoints/{endpoint_id}": ("ops:read", "FORBIDDEN"),
    "PATCH /api/ops/event-endpoints/{endpoint_id}": ("ops:write", "FORBIDDEN"),
    "DELETE /api/ops/event-endpoints/{endpoint_id}": ("ops:write", "FORBIDDEN"),
    "POST /api/ops/event-endpoints/{endpoint_id}/rotate-secret": ("ops:write", "FORBIDDEN"),
    "POST /api/ops/event-endpoints/{endpoint_id}/test": ("ops:write", "FORBIDDEN"),
    "POST /api/ops/event-endpoints/{endpoint_id}/redeliver": ("ops:write", "FORBIDDEN"),
    "GET /api/ops/event-endpoints/{endpoint_id}/deliveries": ("ops:read", "FORBIDDEN"),
    "GET /api/ops/events": ("ops:read", "FORBIDDEN"),
    "GET /api/ops/events/{event_id}": ("ops:read", "FORBIDDEN"),
    "GET /api/ops/event-types": ("ops:read", "FORBIDDEN"),
}
CLOSED = pytest.mark.parametrize("door", [door for door in doors() if str(door) not in OPEN_DOORS], ids=str)
# What exists in the world is theirs; the second of them owns less.
OWNERS = ("6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001", "user-7")


def test_every_door_is_either_open_or_has_its_rule() -> None:
    assert {str(door) for door in doors()} == OPEN_DOORS | set(RULES)


@CLOSED
def test_every_scope_at_every_door(world: World, door: Door) -> None:
    """The right scope alone gets past the guard, to where the body is found broken; all others together do not."""
    wanted, _ = RULES[str(door)]
    # What deletes is let at nothing that others need.
    instead = {"endpoint_id": NOBODYS_ID} if door.method == "DELETE" else {}
    target = world.target(door, billing_key="none", **instead)
    body = b"{broken" if door.fields else None
    for scope in Scope:
        answer = world.wire.send(door.method, target, body, key=world.keys[f"only {scope}"])
        if scope == wanted:
            assert answer.status not in (401, 403), scope
        else:
            assert (answer.status, answer.json()["code"]) == (403, "FORBIDDEN"), scope
            assert wanted in answer.json()["message"]
    for key in ("no scope", f"without {wanted}"):
        answer = world.refused(door, door.method, world.target(door), world.good(door), key=world.keys[key])
        assert (answer.status, answer.json()["code"]) == (403, "FORBIDDEN")


def _about_theirs(world: World, door: Door) -> bytes | None:
    """A good body about somebody else's order."""
    if not door.fields:
        return None
    body = world.body(door)
    return json.dumps(body | {"orderId": world.known["order_no"]} if "orderId" in body else body).encode()


@CLOSED
def test_a_user_at_every_door_to_what_is_somebody_elses(world: World, door: Door) -> None:
    wanted, told = RULES[str(door)]
    assert (wanted in USER_SCOPES) is (told != "FORBIDDEN")
    token = token_of("somebody-else")
    if told == EVERYBODYS:
        assert world.wire.send(door.method, world.target(door), key=token).status == 200
        return
    if told != NOTHING:
        answer = world.refused(door, door.method, world.target(door), _about_theirs(world, door), key=token)
        assert (answer.status, answer.json()["code"]) == (CATALOGUE[told].kind.value, told)
        return
    shown = world.wire.send(door.method, world.target(door), key=token).json()
    assert {json.dumps(rows) for rows in shown.values() if isinstance(rows, list)} == {"[]"}
    assert world.wire.send(door.method, world.target(door)).json() != shown, "there is something to hide"
    answer = world.refused(door, door.method, f"{door.path}?userId={OWNERS[0]}", key=token)
    assert (answer.status, answer.json()["code"]) == (403, "NOT_YOURS")


def _names_a_user(door: Door) -> bool:
    return any(field.path[-1] == "userId" for field in (*door.fields, *door.query))


@pytest.mark.parametrize("door", [door for door in doors() if _names_a_user(door)], ids=str)
def test_wherever_a_user_is_named_it_is_the_one_who_asks(world: World, door: Door) -> None:
    """Found by the document, so that a new door with a userId comes here by itself."""
    wanted, _ = RULES[str(door)]
    told = "NOT_YOURS" if wanted in USER_SCOPES else "FORBIDDEN"
    token = token_of("somebody-else")
    if door.fields:
        body = json.dumps(world.body(door) | {"userId": OWNERS[0]}).encode()
        answer = world.refused(door, door.method, world.target(door), body, key=token)
    else:
        answer = world.refused(door, door.method, f"{world.target(door)}?userId={OWNERS[0]}", key=token)
    assert (answer.status, answer.json()["code"]) == (403, told)


@pytest.mark.parametrize(
    "door",
    [door for door in doors() if door.method == "GET" and RULES.get(str(door), ("", ""))[0] in USER_SCOPES],
    ids=str,
)
def test_what_exists_is_read_by_its_owner_alone(world: World, door: Door) -> None:
    answers = {user: world.wire.send("GET", world.target(door), key=token_of(user)) for user in OWNERS}
    if RULES[str(door)][1] == NOTHING:
        for user, answer in answers.items():
            rows = next(rows for rows in answer.json().values() if isinstance(rows, list))
            assert {row["userId"] for row in rows} <= {user}
        return
    if RULES[str(door)][1] == EVERYBODYS:
        assert [answer.status for answer in answers.values()] == [200, 200]
        return
    assert sorted(answer.status for answer in answers.values()) == [200, 404]


@CLOSED
@pytest.mark.parametrize("key", ["expired", "revoked"])
def test_a_key_that_opens_nothing_any_more(world: World, door: Door, key: str) -> None:
    answer = world.refused(door, door.method, world.target(door), world.good(door), key=world.keys[key])
    assert (answer.status, answer.json()["code"]) == (401, "UNAUTHENTICATED")


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
