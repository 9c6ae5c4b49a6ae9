"""Texts that people read, as somebody sends them who wants them to be read otherwise."""

import pytest

from tests.field.conftest import Shop

HIDDEN = ["\u202e", "\u2066", "\u200b", "\ufeff", "\U000e0041", "\u200d", "\u00ad", "\u3164", "\ue000"]


@pytest.mark.parametrize("sign", HIDDEN, ids=[f"U+{ord(sign):04X}" for sign in HIDDEN])
async def test_a_text_with_a_sign_that_nobody_sees_is_refused_by_its_field(shop: Shop, sign: str) -> None:
    text = f"환불{sign}불가"
    order = {"orderName": "책", "amount": 1000, "userId": "u-1"}
    payment = {"userId": "u-1", "amount": 1000, "paymentMethod": "card", "resourceType": "booking", "resourceId": "r"}
    doors = [
        ("/api/orders", {**order, "orderName": text}, "orderName"),
        ("/api/orders", {**order, "metadata": {"note": text}}, "metadata"),
        ("/api/orders", {**order, "metadata": {text: "x"}}, "metadata"),
        ("/payments/request", {**payment, "customerName": text}, "customerName"),
        ("/payments/request", {**payment, "description": text}, "description"),
        ("/api/payments/toss/some_key/cancel", {"cancelReason": text}, "cancelReason"),
        ("/api/ops/event-endpoints", {"url": "https://shop.example/x", "description": text}, "description"),
        ("/api/ops/event-endpoints", {"url": f"https://shop.example/{sign}"}, "url"),
        (
            "/api/ops/doubtful/questions/019ab000-0000-7000-8000-000000000000/mark-failed",
            {"operator": f"김{sign}담당", "reason": "확인"},
            "operator",
        ),
    ]
    for path, body, field in doors:
        reply = await shop.api.post(path, body)
        assert (reply.status, reply["code"]) == (400, "INVALID_REQUEST"), (path, reply)
        assert reply["field"].startswith(field), (path, reply)


async def test_a_family_of_emoji_and_a_formula_are_kept_as_they_were_typed(shop: Shop) -> None:
    for name in ("가족 사진 👨‍👩‍👧‍👦", "❤️ 선물", '=HYPERLINK("https://x")', "+82 10"):
        assert (await shop.order(1000, orderName=name))["orderName"] == name
