"""Answers that are lists or empty, the names a settlement has had, and what is blanked out of an error."""

import json
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paywon.toss.body import MalformedBody, decode, only_list, parse_tree, without
from paywon.toss.errors import Operation
from paywon.toss.judge import judge
from paywon.toss.outcome import Answer, Call, Unknown, UnknownReason, Yes
from paywon.toss.wire import CashReceiptPage, Promotion, Settlement, Transaction

pytestmark = pytest.mark.unit

FIXTURES = Path(__file__).parents[2] / "fixtures" / "toss"
TRANSACTIONS = (FIXTURES / "transactions-list.json").read_bytes()
SETTLEMENT = json.loads((FIXTURES / "settlements-list.json").read_bytes())[0]
KEY = "Z_t5vOvQxrj4499PeiJcjen28-V2RyqgYTwN44Rdzk0="
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def _judge(raw: bytes, shape: Any, operation: Operation = Operation.TRANSACTIONS) -> Answer[Any]:
    call = Call(method="GET", path="/v1/transactions", http_status=200)
    return judge(operation, shape, call=call, raw=raw, headers={}, now=datetime(2026, 1, 1, tzinfo=UTC))


def _settlement(**fields: Any) -> Settlement:
    row = {name: value for name, value in SETTLEMENT.items() if name != "supplyAmount"}
    return decode(json.dumps(row | fields).encode(), Settlement)


def test_rows_stand_beside_their_values_and_not_in_the_call() -> None:
    stored = json.loads(TRANSACTIONS)
    answer = _judge(json.dumps([row | {"newField": 1} for row in stored]).encode(), list[Transaction])
    assert isinstance(answer, Yes)
    assert [row.transaction_key for row in answer.value] == [row["transactionKey"] for row in stored]
    assert (answer.raw, answer.call.response_body) == ({}, None)
    assert [row["newField"] for row in answer.rows] == [1, 1, 1]
    assert stored[0]["paymentKey"] not in repr(answer.call)


def test_an_empty_list_is_yes() -> None:
    answer = _judge(b"[]", list[Transaction])
    assert isinstance(answer, Yes)
    assert (answer.value, answer.rows) == ([], [])


@pytest.mark.parametrize(
    ("raw", "shape", "answered"),
    [
        (b'[{"transactionKey":"x"}]', list[Transaction], True),
        (b"[1]", list[Transaction], True),
        (b'{"hasNext":true}', CashReceiptPage, True),
        # Of another kind altogether, or no JSON: a stranger may have spoken.
        (b'{"data":[]}', list[Transaction], False),
        (b"[]", CashReceiptPage, False),
        (b"", list[Transaction], False),
        (b"null", list[Transaction], False),
        (b"[" * 200 + b"]" * 200, list[Transaction], False),
        (TRANSACTIONS[:-9], list[Transaction], False),
    ],
)
def test_what_is_no_list_of_rows_is_unreadable(raw: bytes, shape: Any, answered: bool) -> None:
    answer = _judge(raw, shape)
    assert isinstance(answer, Unknown)
    assert (answer.reason, answer.answered) == (UnknownReason.UNREADABLE, answered)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_answer_in_the_place_of_a_list_or_of_nothing_is_judged(raw: bytes) -> None:
    for shape, operation in (
        (list[Transaction], Operation.TRANSACTIONS),
        (list[Promotion], Operation.PROMOTIONS),
        (NoneType, Operation.BILLING_DELETE),
    ):
        assert isinstance(_judge(raw, shape, operation), Yes | Unknown)


@pytest.mark.parametrize(
    ("fields", "amount"),
    [
        ({"supplyAmount": 1356}, 1356),
        ({"suppliedAmount": 1356}, 1356),
        ({"suppliedAmount": -1356.0}, -1356),
        ({"supplyAmount": 0, "suppliedAmount": 5}, 0),
        ({"suppliedAmount": 0}, 0),
    ],
)
def test_a_settlement_has_its_supply_amount_under_either_name(fields: dict[str, Any], amount: int) -> None:
    supplied = _settlement(**fields).supply_amount
    assert (supplied, type(supplied)) == (amount, int)


def test_a_settlement_without_a_supply_amount_is_refused() -> None:
    with pytest.raises(MalformedBody, match="neither supplyAmount nor suppliedAmount"):
        _settlement()


@pytest.mark.parametrize("name", ["paymentKey", "transactionKey", "orderId", "currency", "amount", "fee", "vat"])
def test_what_names_a_settlement_and_its_money_is_required(name: str) -> None:
    with pytest.raises(MalformedBody):
        decode(json.dumps({key: value for key, value in SETTLEMENT.items() if key != name}).encode(), Settlement)


def test_the_only_list_of_an_object() -> None:
    assert only_list(b'{"a": 1, "b" : [1, 2]}') == b"[1, 2]"
    for raw in (b"{}", b'{"a":[],"b":[]}', b"[]", b"null", b"x"):
        with pytest.raises(MalformedBody):
            only_list(raw)


def test_a_tree_is_an_object_or_an_array() -> None:
    assert parse_tree(b"[1]") == [1]
    assert parse_tree(b"[9223372036854775808, 1e400]") == ["9223372036854775808", "1e400"], "as no column holds it"
    for raw in (b"1", b"null", b'"x"'):
        with pytest.raises(MalformedBody):
            parse_tree(raw)


def test_a_secret_is_blanked_in_every_spelling_and_depth() -> None:
    escaped = KEY.replace("=", "\\u003d")
    raw = f'{{"code":"X","message":"no {escaped}","a":[{{"b":"/v1/{KEY.replace("=", "%3D")}"}},1,null]}}'.encode()
    assert json.loads(without(raw, KEY)) == {"code": "X", "message": "no …", "a": [{"b": "/v1/…"}, 1, None]}


def test_an_errors_code_survives_whatever_is_blanked() -> None:
    raw = b'{"code":"REJECT_CARD_COMPANY","message":"R"}'
    assert json.loads(without(raw, "R")) == {"code": "REJECT_CARD_COMPANY", "message": "…"}


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()), st.text(min_size=1))
@example(b'{"a":"\\ud800"}', KEY)
@example(b'{"a":1e999}', KEY)
def test_blanking_never_raises(raw: bytes, secret: str) -> None:
    blanked = without(raw, secret)
    assert blanked == raw or isinstance(parse_tree(blanked), dict)
