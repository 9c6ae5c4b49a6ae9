"""No door takes card data: every text of every body, every spelling, every depth; and nothing is written (I13)."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.http.bad_values import holder_of
from tests.http.doors import Door, Field, doors, taking_json
from tests.http.world import OPEN_DOORS, World
from tests.support.marks import CARDS

CARD = CARDS[0]
SPELLINGS = (CARD, f"카드 {CARD}", f"{CARD[:4]}-{CARD[4:8]}-{CARD[8:12]}-{CARD[12:]}", f"{CARD[:4]} {CARD[4:]}")

# A host's own names of things, which may be long numbers, and numbers that go to Toss and are kept sealed.
TAKEN = {
    "userId",
    "resourceId",
    "customerKey",
    "authKey",
    "accountNumber",
    "customerIdentityNumber",
    "registrationNumber",
}


def _texts() -> list[tuple[Door, Field]]:
    return [(door, field) for door in taking_json() for field in door.fields if field.schema.get("type") == "string"]


def test_every_text_is_looked_at_but_these() -> None:
    assert {field.path[-1] for _, field in _texts()} >= TAKEN
    assert len([field for _, field in _texts() if field.path[-1] not in TAKEN]) >= 25


@pytest.mark.parametrize(("door", "field"), _texts(), ids=lambda item: getattr(item, "spelling", str(item)))
def test_a_card_number_in_a_text_is_refused(world: World, door: Door, field: Field) -> None:
    for spelling in SPELLINGS:
        body = json.loads(json.dumps(world.body(door)))
        holder_of(body, field.path)[field.path[-1]] = spelling
        raw = json.dumps(body).encode()
        if field.path[-1] in TAKEN:
            continue  # whatever becomes of it, tests/acceptance/test_marked.py finds it stored nowhere
        _refused(world, door, raw, field.spelling)


@pytest.mark.parametrize("door", taking_json(), ids=str)
@pytest.mark.parametrize("name", ["cardNumber", "CARD_NUMBER", "cvc", "cvv", "cardExpirationYear", "Card-Password"])
def test_a_field_for_card_data_is_refused_by_its_name(world: World, door: Door, name: str) -> None:
    values: list[Any] = ["", None, 1, "x", {"a": 1}, []]
    for value in values:
        _refused(world, door, json.dumps({**world.body(door), name: value}).encode(), name)
    nested: dict[str, Any] = {**world.body(door), "unknown": [{"deep": {name: "x"}}]}
    _refused(world, door, json.dumps(nested).encode(), f"unknown[0].deep.{name}")


def test_a_hosts_own_document_is_looked_through(world: World) -> None:
    (door,) = [door for door in taking_json() if str(door) == "POST /api/orders"]
    for metadata, named in (
        ({"memo": CARD}, "metadata.memo"),
        ({"userId": CARD}, "metadata.userId"),
        ({CARD: "x"}, "metadata.[redacted]"),
        ({"cardNo": "x"}, "metadata.cardNo"),
    ):
        _refused(world, door, json.dumps({**world.body(door), "metadata": metadata}).encode(), named)
    account = json.dumps({**world.body(door), "metadata": {"accountNumber": "1"}}).encode()
    _refused(world, door, account, "metadata.accountNumber", code="ACCOUNT_NUMBER_REFUSED")


@pytest.mark.parametrize(
    "door", [door for door in doors() if door.method == "GET" and str(door) not in OPEN_DOORS], ids=str
)
def test_a_card_number_in_an_address_is_told_back_to_nobody(world: World, door: Door) -> None:
    targets = [f"{world.target(door)}?{name.path[0]}={quote(SPELLINGS[2])}" for name in door.query]
    targets.append(f"{world.target(door)}?{CARD}=1")
    for target in targets:
        if any(f"?{name}=" in target for name in TAKEN):
            continue
        answer = world.refused(door, door.method, target)
        assert not any(digits.encode() in answer.body for digits in SPELLINGS)


def _refused(world: World, door: Door, raw: bytes, field: str, *, code: str = "CARD_DATA_REFUSED") -> None:
    answer = world.refused(door, door.method, world.target(door), raw)
    told = answer.json()
    assert (answer.status, told["code"], told["field"]) == (400, code, field)
    assert CARD.encode() not in answer.body
