"""Names and codes of institutions."""

import pytest

from paywon.toss import codes

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("국민은행", "06"),
        ("KB국민은행", "06"),
        ("KOOKMIN", "06"),
        ("004", "06"),
        ("06", "06"),
        ("신한은행", "88"),
        ("shinhan bank", "88"),
        ("iM뱅크", "31"),
        ("대구은행", "31"),
        ("카카오뱅크", "90"),
        ("케이뱅크", "89"),
        ("SC제일은행", "23"),
        ("우체국", "71"),
        ("새마을금고", "45"),
        ("Toss Bank", "92"),
        ("s0", "S0"),
        ("04", None),
        ("K", None),
        ("은행", None),
        ("", None),
        ("없는은행", None),
    ],
)
def test_bank_code(name: str, code: str | None) -> None:
    assert codes.bank_code(name) == code


def test_only_kookmin_breaks_the_rule_of_the_zero() -> None:
    odd = [bank.code for bank in codes.BANKS if bank.code.isdigit() and bank.kftc != f"0{bank.code}"]
    assert odd == ["06"]


def test_codes_are_unique_and_find_themselves() -> None:
    for table, find in ((codes.BANKS, codes.bank), (codes.CARD_COMPANIES, codes.card_company)):
        assert len({one.code for one in table}) == len(table)
        assert all(find(one.code) is one for one in table)
    assert len(codes.BANKS) == 26 + 25
    assert len(codes.CARD_COMPANIES) == 24 + 7


def test_the_same_digits_are_another_institution_among_cards() -> None:
    assert codes.card_company_name("71") == "롯데"
    assert codes.bank_name("71") == "우체국"


def test_woori_cards_are_asked_for_as_33_and_read_as_w1() -> None:
    assert codes.card_company_code("우리카드") == "33"
    assert codes.card_company_name("W1") == "우리"


def test_long_names_of_card_companies() -> None:
    found = [codes.card_company_code(name) for name in ("KB국민카드", "BC카드", "현대카드", "카카오뱅크", "VISA")]
    assert found == ["11", "31", "61", "15", "4V"]
    assert codes.card_company_code("없는카드") is None
    assert codes.card_company_name("ZZ") is None


def test_banks_without_a_korean_name_answer_in_english() -> None:
    assert codes.bank_name("SB") == "KIWOOM"
    assert codes.bank_name("ZZ") is None


def test_banks_of_virtual_accounts_are_banks() -> None:
    assert all(codes.bank(code) for code in codes.VIRTUAL_ACCOUNT_BANKS)


def test_easy_pay_and_methods_both_ways() -> None:
    korean, english = codes.easy_pay("토스페이"), codes.easy_pay("tosspay")
    assert korean is english
    assert korean == codes.Named("TOSSPAY", "토스페이")
    assert codes.easy_pay("토스결제") is korean
    assert codes.easy_pay("GCash") is None
    card = codes.method("카드")
    assert card is codes.method("CARD") is not None
    assert codes.method("현금") is None
