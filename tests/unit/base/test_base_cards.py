"""What passes as a card number, what is meant for one, and what only looks alike."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywon.base.cards import card_numbers_in, is_card_field, plain_name

pytestmark = pytest.mark.unit

VISA = "4111111111111111"
# Numbers that the schemes publish for tests, one for each row of the issuers' table.
PUBLISHED = {
    VISA: "Visa",
    "4222222222222": "Visa of 13 digits",
    "5555555555554444": "Mastercard",
    "2223003122003222": "Mastercard, new range",
    "378282246310005": "American Express",
    "30569309025904": "Diners Club",
    "36227206271667": "Diners Club",
    "38520000023237": "Diners Club",
    "3530111333300000": "JCB",
    "6011111111111117": "Discover",
    "6200000000000005": "UnionPay",
    "6205500000000000004": "UnionPay of 19 digits",
    "8171999927660000": "UnionPay",
    "5018000000000009": "Maestro",
    "9410850000000003": "Korea only",
}


def found_in(text: str) -> list[str]:
    return [text[begin:end] for begin, end in card_numbers_in(text)]


@pytest.mark.parametrize("number", PUBLISHED, ids=PUBLISHED.values())
def test_every_issuers_numbers_are_found_as_people_write_them(number: str) -> None:
    groups = [number[place : place + 4] for place in range(0, len(number), 4)]
    for spelling in (number, " ".join(groups), "-".join(groups), ".".join(groups), " - ".join(groups)):
        for text in (
            spelling,
            f"카드 {spelling} 입니다",
            f"({spelling})",
            f"번호:{spelling}/12/30",
            f"카드{spelling}로",
        ):
            assert found_in(text) == [spelling], text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3782 822463 10005", "3782 822463 10005"),
        ("４１１１　１１１１　１１１１　１１１１", "４１１１　１１１１　１１１１　１１１１"),
        ("010-1234-5678 4111111111111111", VISA),
        ("4111 1111 1111 1111 1230", "4111 1111 1111 1111"),
        ("2026-11-22 4111111111111111 9,000원", VISA),
        ("4111\u20111111\u20111111\u20111111", "4111\u20111111\u20111111\u20111111"),
    ],
)
def test_it_is_found_among_other_digits(text: str, number: str) -> None:
    assert found_in(text) == [number]


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # a digit is wrong
        "1111111111111117",  # nobody issues these
        "411111111111111",  # nor Visa of 15 digits
        "a4111111111111111",  # a code, as Toss's keys are
        "4111111111111111b",
        "tgen_20260101000000abcd",
        "9C62B18EEF0DE3EB7F4422EB6D14BC6E",
        "20261122120000123",  # times
        "1737120000000",
        "ORD-4111111111116-7K3M9QW2",
        "019a4111-1111-7111-8111-111111111111",
        "41111111-1111-1111-1111-111111111111",
        "010-4111-1111 02-1111-1111",
        "123-45-67890",
        "의류 90 95 100 105 110 115",
        "별점 5 4 5 5 3 4 5 4 4 5 3 4 5 5 4 4",
        "43301234****123*",
        "50,000원 × 3,000",
    ],
)
def test_what_only_looks_alike_is_none(text: str) -> None:
    assert found_in(text) == []


@given(st.text(alphabet="0123456789 -.ABC가", max_size=60))
def test_what_is_found_can_be_cut_out_and_is_gone(text: str) -> None:
    places = card_numbers_in(text)
    assert places == sorted(places)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(places))
    for begin, end in reversed(places):
        assert 13 <= sum(sign.isdigit() for sign in text[begin:end]) <= 19 or text[begin:end].count(" ") > 10
        text = text[:begin] + "[redacted]" + text[end:]
    assert card_numbers_in(text) == []


@pytest.mark.parametrize(
    "unit", ["1 ", "4", "4 ", "4444 ", "4111 1111 1111 1111 ", "4-  ", "4111111111111111,", "ORD-"]
)
def test_a_long_text_takes_no_longer_than_others(unit: str) -> None:
    """A webhook of 256 KB comes from anybody; a check that took seconds would stop a shop."""
    text = unit * (256 * 1024 // len(unit))
    began = time.process_time()
    card_numbers_in(text)
    assert time.process_time() - began < 1.5


@pytest.mark.parametrize(
    "name",
    [
        "cardNumber",
        "card_number",
        "CARD-NUMBER",
        "Card Number",
        "ＣＡＲＤnumber",
        "card.number",
        "cardNo",
        "creditCardNumber",
        "cardNumber2",
        "cvc",
        "CVV2",
        "cardCvc",
        "card_password",
        "cardExpirationYear",
        "card-expiration-month",
        "cardExpiry",
        "cavv",
        "카드번호",
        "카드 비밀번호",
    ],
)
def test_fields_for_card_data_are_told_in_any_spelling(name: str) -> None:
    assert is_card_field(name)


@pytest.mark.parametrize(
    "name",
    ["card", "cardType", "cardCompany", "memberCardNumber", "giftCardNumber", "number", "cardNumberHint", "유효기간"],
)
def test_other_fields_are_not(name: str) -> None:
    assert not is_card_field(name)


def test_names_are_compared_without_their_spelling() -> None:
    assert {plain_name(name) for name in ("customerName", "Customer_Name", "CUSTOMER-NAME", "ｃustomer name")} == {
        "customername"
    }
