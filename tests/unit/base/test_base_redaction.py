"""What is taken out before anything is stored or logged (invariant I13)."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywon.base.redaction import REDACTED, redact, redact_text, redact_trouble

pytestmark = pytest.mark.unit

CARD = "4111111111111111"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "name",
    [
        "cardNumber",
        "card_number",
        "CARD-NUMBER",
        "cvc",
        "secretKey",
        "Authorization",
        "billingKey",
        "customerIdentityNumber",
    ],
)
def test_a_secret_goes_by_its_name(name: str) -> None:
    assert redact({name: "whatever"}) == {name: REDACTED}
    assert redact({"a": [{"b": {name: 12345}}]}) == {"a": [{"b": {name: REDACTED}}]}
    assert redact({name: None}) == {name: None}
    assert CARD not in json.dumps(redact({name: {"number": CARD, "list": [CARD]}}))


@pytest.mark.parametrize(
    "text",
    [
        CARD,
        f"card {CARD}!",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "378282246310005",
        f"한글{CARD}한글",
        f"\x00{CARD}",
    ],
)
def test_a_card_number_goes_wherever_it_stands(text: str) -> None:
    for value in (text, [text], {"memo": text}, {text: "x"}, {"a": {"b": (text,)}}):
        kept = json.dumps(redact(value), ensure_ascii=False)
        assert REDACTED in kept
        assert "1111" not in kept and "378282" not in kept


@pytest.mark.parametrize(
    "text", ["4111111111111112", "ORD-1737120000000-7K3M9QW2", "123456789012", "a4111111111111111b", "50,000"]
)
def test_other_digits_stay(text: str) -> None:
    assert redact_text(text) == text


MASKED = [
    ("43306542****090*", "************090*"),
    ("433012******1234", "************1234"),
    ("4330-12**-****-1234", "****-****-****-1234"),
    ("4330 12** **** 123*", "**** **** **** 123*"),
    ("374312*****1234", "***********1234"),
    ("************1234", "************1234"),
    ("****12345678901*", "************901*"),
]


@pytest.mark.parametrize(("shown", "kept"), MASKED)
def test_of_a_masked_card_number_the_last_four_signs_stay(shown: str, kept: str) -> None:
    """Under whatever name Toss shows it, and in the middle of a sentence."""
    for document in ({"card": {"number": shown}}, {"data": {"masked": [shown]}}, {"message": f"카드({shown}) 거절"}):
        assert redact(document) == json.loads(json.dumps(document).replace(shown, kept))
    assert redact(redact({"card": {"number": shown}})) == {"card": {"number": kept}}


def test_a_cards_number_without_stars_keeps_no_more() -> None:
    """What passes no check, say a test card's: where its name says what it is."""
    for number in ("9490123456789012", 9490123456789012, "949012345678"):
        assert redact({"card": {"number": number}})["card"]["number"][:-4].strip("*") == ""
    assert redact({"card": {"number": None}, "number": "1234567"}) == {"card": {"number": None}, "number": "1234567"}


@pytest.mark.parametrize(
    "text", ["**bold**", "1*2*3", "010-****-5678", "2026-11-28 12:00:00", "ORD-1737120000000-7K3M9QW2"]
)
def test_other_stars_and_digits_stay(text: str) -> None:
    assert redact({"note": text}) == {"note": text}


def test_a_masked_card_and_a_virtual_account_stay_readable() -> None:
    shown: dict[str, Any] = {"card": {"number": "****123*"}, "virtualAccount": {"accountNumber": "X1234567890"}}
    assert redact(shown) == shown
    assert redact({"refundReceiveAccount": {"accountNumber": "12345678901"}}) == {
        "refundReceiveAccount": {"accountNumber": "***901"}
    }


def test_a_person_is_shown_by_shape_only() -> None:
    assert redact({"customerName": "홍길동", "customerEmail": "hong@example.com", "customerName2": "김"}) == {
        "customerName": "홍***",
        "customerEmail": "h***",
        "customerName2": "김",
    }


@given(JSON)
def test_nothing_that_postgresql_refuses_is_left_and_the_original_is_untouched(value: Any) -> None:
    before = copy.deepcopy(value)
    kept = redact(value)
    assert value == before
    assert "\\u0000" not in json.dumps(kept).replace("\\\\", "")
    assert redact(kept) == kept


@given(st.text(), st.text())
def test_nul_becomes_a_mark(left: str, right: str) -> None:
    assert "\x00" not in redact_text(f"{left}\x00{right}")
    assert redact({"customerName": "\x00abc"}) == {"customerName": "\ufffd***"}


@pytest.mark.parametrize("inside", ["virtualAccount", "refundReceiveAccount", "other"])
@pytest.mark.parametrize("name", ["accountNumber", "customerName", "phone", "memo"])
@pytest.mark.parametrize("value", ["\x00", "a\x00b", ["\x00"], {"\x00": "\x00"}])
def test_nul_stays_nowhere(inside: str, name: str, value: Any) -> None:
    assert "\\u0000" not in json.dumps(redact({inside: {name: value}}))


def test_numbers_are_texts_too() -> None:
    assert redact({"n": int(CARD), "list": [int(CARD)]}) == {"n": REDACTED, "list": [REDACTED]}
    assert redact({"refundReceiveAccount": {"accountNumber": 12345678901}, "phone": 1012345678}) == {
        "refundReceiveAccount": {"accountNumber": "***901"},
        "phone": "1***",
    }
    assert redact({"virtualAccount": {"accountNumber": {"cvc": "123"}}}) == {
        "virtualAccount": {"accountNumber": {"cvc": REDACTED}}
    }
    assert redact({"amount": 50_000, "yes": True, "ratio": 1.5}) == {"amount": 50_000, "yes": True, "ratio": 1.5}


@given(st.integers(10**12, 10**13 - 1))
def test_an_order_number_is_never_taken_for_a_card(milliseconds: int) -> None:
    text = f"ORD-{milliseconds}-7K3M9QW2"
    assert redact_text(text) == text
    assert redact({"orderId": text, "path": f"/api/payments/toss/orders/{text}"})["orderId"] == text
    assert REDACTED in redact_text(f"ORD-{CARD}")


@pytest.mark.parametrize("name", ["cvc", "cardNumber", "secret", "customerIdentityNumber", "businessNumber", "cavv"])
def test_what_is_secret_by_name_goes_with_all_that_is_below_it(name: str) -> None:
    assert redact({name: {"value": "1", "more": [2, None]}}) == {name: {"value": REDACTED, "more": [REDACTED, None]}}


def test_a_person_is_hidden_also_below_the_name_and_in_toss_own_shapes() -> None:
    assert redact({"customerMobilePhone": {"plain": "01012345678", "masked": "010****"}}) == {
        "customerMobilePhone": {"plain": "0***", "masked": "0***"}
    }
    assert redact({"individual": {"name": "홍길동"}, "mobilePhone": "010"}) == {
        "individual": {"name": "홍***"},
        "mobilePhone": "0***",
    }
    kept = {"mobilePhone": {"settlementStatus": "COMPLETED"}, "company": {"name": "가게"}, "name": "책"}
    assert redact(kept) == kept


def test_an_account_is_shown_where_it_is_a_virtual_accounts_own_and_believed() -> None:
    own = {"virtualAccount": {"accountNumber": CARD}}
    assert redact(own) == own
    assert redact(own, show_accounts=False) == {"virtualAccount": {"accountNumber": "***111"}}
    assert redact({"virtualAccount": {"refundReceiveAccount": {"accountNumber": {"value": "12345678901"}}}}) == {
        "virtualAccount": {"refundReceiveAccount": {"accountNumber": {"value": "***901"}}}
    }


def test_the_row_that_postgresql_quotes_goes() -> None:
    said = f"violates check\nDETAIL:  Failing row contains (홍길동, {CARD}).\n  DETAIL: x\nHINT: y"
    assert redact_trouble(said) == f"violates check\nDETAIL: {REDACTED}\n  DETAIL: {REDACTED}\nHINT: y"
