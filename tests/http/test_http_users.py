"""Users' tokens at the doors: what a user may do with what is theirs, and what nobody may with a token that is bent."""

import json
import time
from typing import Any

import pytest
from joserfc.jwk import OctKey

from tests.http.wire import Answer
from tests.http.world import Loop, World, check_problem
from tests.support.tokens import SECRET, claims_of, forged, signed, token_of

ALICE, BOB = "alice@example.com", "bob-7"


def _ask(world: World, user: str, method: str, target: str, body: Any = None) -> Answer:
    raw = None if body is None else json.dumps(body).encode()
    return world.wire.send(method, target, raw, key=token_of(user))


def _order(world: World, user: str, **more: Any) -> Answer:
    return _ask(world, user, "POST", "/api/orders", {"orderName": "책", "amount": 5_000, "userId": user, **more})


def test_a_user_pays_reads_and_cancels_what_is_theirs_and_nobody_else_does(world: World, loop: Loop) -> None:
    wish = {"userId": ALICE, "amount": 9_000, "paymentMethod": "card", "resourceType": "seat", "resourceId": "12A"}
    requested = _ask(world, ALICE, "POST", "/payments/request", wish)
    assert requested.status == 201, requested.body
    payment = requested.json()["payment"]
    loop.run(world.stack.authenticate(payment["paymentKey"]))
    confirmation = {"paymentKey": payment["paymentKey"], "orderId": payment["orderId"], "amount": 9_000}
    place, refund = f"/payments/{payment['id']}", {"refundReason": "변심", "refundAmount": 4_000}
    doors: list[tuple[str, str, Any]] = [
        ("POST", "/payments/confirm", confirmation),
        ("GET", place, None),
        ("GET", f"{place}/status", None),
        ("GET", f"{place}/transactions", None),
        ("POST", f"{place}/refund", refund),
        ("GET", f"/api/payments/toss/{payment['paymentKey']}", None),
        ("POST", f"/api/payments/toss/{payment['paymentKey']}/cancel", {"cancelReason": "변심"}),
    ]
    for method, target, body in doors:
        loop.run(world.stack.eventually(world.stack.webhooks_are_in))  # what comes of ALICE's is none of BOB's doing
        before = world.ledger.read()
        assert _ask(world, BOB, method, target, body).status == 404, target
        assert world.ledger.read() == before
        answer = _ask(world, ALICE, method, target, body)
        assert answer.status == 200, (target, answer.body)
    for user, seen in ((ALICE, 1), (BOB, 0)):
        assert _ask(world, user, "GET", "/payments").json()["total"] == seen
    # The shop's own key sees it too, and who did it.
    rows = world.wire.send("GET", f"{place}/transactions").json()["transactions"]
    assert {row["actor"] for row in rows} == {f"user:{ALICE}"}
    assert {row["ipAddress"] for row in rows} == {"127.0.0.1"}


def test_what_others_did_is_shown_to_a_user_without_who_they_are(world: World) -> None:
    """An operator's name, address and browser are not the customer's business."""
    owner = "6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001"
    target = f"/payments/{world.known['payment_id']}/transactions"
    theirs = _ask(world, owner, "GET", target).json()["transactions"]
    ours = world.wire.send("GET", target).json()["transactions"]
    assert [row["id"] for row in theirs] == [row["id"] for row in ours]
    assert all(row["actor"] for row in ours)
    # Other tests of this world may have asked as the owner; that much the owner may see.
    by_others = [shown for shown, row in zip(theirs, ours, strict=True) if row["actor"] != f"user:{owner}"]
    assert {(row["actor"], row["ipAddress"], row["userAgent"]) for row in by_others} == {(None, None, None)}


def test_a_user_names_nobody_but_themselves(world: World) -> None:
    own = _order(world, ALICE)
    assert own.status == 201, own.body
    assert _ask(world, ALICE, "GET", f"/api/orders/{own.json()['id']}").json()["userId"] == ALICE
    for answer in (
        _ask(world, BOB, "POST", "/api/orders", {"orderName": "책", "amount": 5_000, "userId": ALICE}),
        _ask(world, BOB, "GET", f"/payments?userId={ALICE}"),
        _ask(world, BOB, "GET", f"/api/payments/toss/billing?userId={ALICE}"),
    ):
        check_problem(answer)
        assert (answer.status, answer.json()["code"], answer.json()["field"]) == (403, "NOT_YOURS", "userId")


def test_a_repeat_of_somebody_elses_request_is_nobodys(world: World) -> None:
    """The same Idempotency-Key and body from two users are two requests."""
    raw = json.dumps({"orderName": "책", "amount": 5_000, "userId": ALICE}).encode()
    key = ["Idempotency-Key: shared"]
    first = world.wire.send("POST", "/api/orders", raw, key=token_of(ALICE), headers=key)
    assert first.status == 201
    assert world.wire.send("POST", "/api/orders", raw, key=token_of(ALICE, jti="2"), headers=key).body == first.body
    assert world.wire.send("POST", "/api/orders", raw, key=token_of(BOB), headers=key).status == 403
    assert world.wire.send("POST", "/api/orders", raw, headers=key).json()["id"] != first.json()["id"]


FORGED = {
    "none": forged({"alg": "none"}, claims_of(ALICE)),
    "none, signed": forged({"alg": "none"}, claims_of(ALICE), secret=SECRET.encode()),
    "another secret": signed(claims_of(ALICE), key=OctKey.import_key("x" * 32)),
    "another algorithm": signed(claims_of(ALICE), algorithm="HS512"),
    "empty secret": forged({"alg": "HS256"}, claims_of(ALICE), secret=b"\x00"),
    "another audience": token_of(ALICE, aud="somebody"),
    "another issuer": token_of(ALICE, iss="https://evil.example"),
    "not yet": token_of(ALICE, nbf=int(time.time()) + 3600),
    "no end": token_of(ALICE, exp=None),
    "no subject": token_of(ALICE, sub=None),
    "a subject that is no userId": token_of("a b"),
    "a subject with a line feed": token_of("alice\n"),
    "a subject like SQL": token_of("' OR '1'='1"),
    "a subject like a path": token_of("../alice"),
    "a subject with NUL": token_of("alice\x00"),
    "a subject too long": token_of("a" * 65),
    "a subject in Korean": token_of("홍길동"),
    "a number for a subject": signed(claims_of(7)),
    "a huge number": forged({"alg": "HS256"}, claims_of(ALICE, nbf=10**400), secret=SECRET.encode()),
    "kid like a path": signed(claims_of(ALICE), kid="../../dev/null", key=OctKey.import_key("x" * 32)),
    "kid like SQL": signed(claims_of(ALICE), kid="x' UNION SELECT 'secret", key=OctKey.import_key("x" * 32)),
    "kid like a URL": signed(claims_of(ALICE), kid="https://evil.example/key", key=OctKey.import_key("x" * 32)),
    "an empty part": "..",
    "many parts": "a." * 500,
    "as long as a header may be": "a" * 50_000,
    "a key's prefix and a token": "pwk_" + token_of(ALICE),
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED)
def test_a_token_that_does_not_hold_opens_nothing(world: World, token: str) -> None:
    for method, target in (("GET", "/payments"), ("POST", "/api/orders"), ("GET", "/api/ops/invariants")):
        answer = world.refused(None, method, target, b"{}" if method == "POST" else None, key=token)
        assert (answer.status, answer.json()["code"]) == (401, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_whose_time_has_passed_is_told_so(world: World) -> None:
    answer = world.refused(None, "GET", "/payments", key=token_of(ALICE, exp=int(time.time()) - 3600))
    assert (answer.status, answer.json()["code"]) == (401, "TOKEN_EXPIRED")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_scopes_that_a_token_claims_for_itself_are_not_given(world: World) -> None:
    claimed: dict[str, Any] = {"scope": "ops:read billing:write all", "scopes": ["ops:read"], "owner": None}
    answer = world.refused(None, "GET", "/api/ops/invariants", key=token_of(ALICE, **claimed))
    assert (answer.status, answer.json()["code"]) == (403, "FORBIDDEN")
