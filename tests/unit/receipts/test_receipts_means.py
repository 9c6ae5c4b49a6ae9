"""Which part of a payment came as cash, by every means that Toss has a word for."""

from dataclasses import replace
from typing import Any

import pytest

from paywon.base.errors import PaywonError
from paywon.receipts.model import amount_to_issue, cash_part
from tests.unit.receipts.test_receipts_model import PAYMENT

CARD = {"amount": 50_000, "number": "43301234****123*"}


@pytest.mark.parametrize(
    ("method", "shown", "cash"),
    [
        ("카드", {"card": CARD}, 0),
        ("CARD", {}, 0),
        ("휴대폰", {"mobilePhone": {}}, 0),
        ("해외간편결제", {"easyPay": {"amount": 50_000}}, 0),
        ("계좌이체", {}, 50_000),
        ("가상계좌", {}, 50_000),
        ("문화상품권", {}, 50_000),
        ("도서문화상품권", {}, 50_000),
        ("게임문화상품권", {}, 50_000),
        ("간편결제", {"card": CARD, "easyPay": {"amount": 0, "discountAmount": 0}}, 0),
        ("간편결제", {"card": {"amount": 40_000}, "easyPay": {"amount": 0, "discountAmount": 10_000}}, 0),
        ("간편결제", {"card": None, "easyPay": {"amount": 50_000, "discountAmount": 0}}, 50_000),
        ("간편결제", {"card": None, "easyPay": {"amount": 40_000, "discountAmount": 10_000}}, 40_000),
        ("간편결제", {"card": None, "easyPay": {"amount": 0, "discountAmount": 50_000}}, 0),
        ("간편결제", {"easyPay": "토스페이"}, None),
        (None, {"card": CARD}, 0),
        (None, {"transfer": {"bankCode": "06"}}, 50_000),
        (None, {}, None),
        ("새로운결제", {}, None),
    ],
)
def test_the_cash_part_of_every_means(method: str | None, shown: dict[str, Any], cash: int | None) -> None:
    payment = replace(PAYMENT, method=method, raw_response=shown)
    assert cash_part(payment) == cash
    if cash:
        assert amount_to_issue(None, payment, [], []) == cash
        return
    with pytest.raises(PaywonError) as refused:
        amount_to_issue(None, payment, [], [])
    assert refused.value.code == "CASH_RECEIPT_NOT_ALLOWED"
