"""Part 3: what the real front ends send, unchanged, and what a port of them sends instead."""

from typing import Any
from uuid import UUID

import pytest

from tests.acceptance.specifications.steps import CAPSULE, TOSS, App
from tests.support.tokens import token_of

# Their name for a value, and the way to it in our answer to confirm, cancel and read.
CONFIRMED = {
    "order_id": ("order", "id"),
    "payment_key": ("payment", "paymentKey"),
    "status": ("order", "status"),
    "amount": ("payment", "totalAmount"),
    "approved_at": ("payment", "approvedAt"),
    "capsule_id": ("capsule", "id"),
    "receipt_url": ("payment", "receiptUrl"),
}
READ = {
    "paymentKey": ("payment", "paymentKey"),
    "orderNo": ("payment", "orderNo"),
    "tossStatus": ("payment", "status"),
    "method": ("payment", "method"),
    "currency": ("payment", "currency"),
    "amount": ("payment", "balanceAmount"),
    "approvedAt": ("payment", "approvedAt"),
    "receiptUrl": ("payment", "receiptUrl"),
    "cancels": ("payment", "cancels"),
}
CANCELLED = {
    "payment_key": ("payment", "paymentKey"),
    "status": ("payment", "status"),
    "balance_amount": ("payment", "balanceAmount"),
    "cancels": ("payment", "cancels"),
    "receipt_url": ("payment", "receiptUrl"),
}


def _mapped(view: dict[str, Any], names: dict[str, tuple[str, str]]) -> dict[str, Any]:
    return {theirs: view[place][ours] for theirs, (place, ours) in names.items()}


async def test_cl10_cl11_cl12_each_value_that_they_read_stands_at_its_mapped_place(app: App) -> None:
    order = await app.order()
    confirmed = await app.confirm(order, await app.window(order))
    assert not set(CONFIRMED) & set(confirmed.body)
    told = _mapped(confirmed.body, CONFIRMED)
    assert (told["status"], told["amount"], told["order_id"]) == ("PAID", 10_000, order["id"])
    assert UUID(told["capsule_id"]) and told["approved_at"] and told["receipt_url"]
    read = _mapped((await app.get(f"{TOSS}/{told['payment_key']}")).body, READ)
    assert (read["tossStatus"], read["amount"], read["cancels"]) == ("DONE", 10_000, [])
    cancelled = _mapped((await app.cancel(told["payment_key"], cancelAmount=4_000)).body, CANCELLED)
    assert (cancelled["status"], cancelled["balance_amount"]) == ("PARTIAL_CANCELED", 6_000)
    assert [each["cancelAmount"] for each in cancelled["cancels"]] == [4_000]


async def test_cl2_a_2xx_says_paid_only_where_the_payment_does(app: App) -> None:
    order = await app.order()
    reply = await app.confirm(order, await app.window(order, method="VIRTUAL_ACCOUNT", bank="06"))
    assert (reply.status, reply["payment"]["status"]) == (200, "WAITING_FOR_DEPOSIT")
    assert (reply["order"]["status"], reply["capsule"]) == ("PENDING_PAYMENT", None)


async def test_cl7_their_token_of_sub_nickname_and_exp_is_refused(app: App) -> None:
    app.token = {"Authorization": f"Bearer {token_of('user-7', iss=None, aud=None, nickname='길동')}"}
    reply = await app.get("/payments")
    assert (reply.status, reply["code"]) == (401, "UNAUTHENTICATED")


async def test_cl8_their_order_is_refused_by_its_first_field_and_ours_is_taken(app: App) -> None:
    theirs = {"product_id": "p-1", "time_option": "1_YEAR", "headcount": 2, "photo_count": 3}
    reply = await app.post("/api/orders", theirs)
    assert (reply.status, reply["code"]) == (400, "INVALID_REQUEST")
    assert (await app.order())["fulfilment"]["kind"] == "time_capsule"


async def test_cl9_the_orders_uuid_confirms_where_the_window_had_its_number(app: App) -> None:
    order = await app.order()
    paid = await app.confirm({**order, "orderNo": order["id"]}, await app.window(order))
    assert (paid.status, paid["order"]["status"]) == (200, "PAID")
    other = await app.order()
    key = await app.window({**other, "orderNo": other["id"]})
    refused = await app.confirm({**other, "orderNo": other["id"]}, key)
    assert 400 <= refused.status < 500, refused
    assert (await app.get(f"/api/orders/{other['id']}"))["status"] == "PENDING_PAYMENT"


async def test_cl13_a_cancel_has_its_key_in_the_path_alone(app: App) -> None:
    key = (await app.paid())["payment"]["paymentKey"]
    reply = await app.cancel(key, paymentKey=key)
    assert (reply.status, reply["field"]) == (400, "paymentKey")
    assert (await app.cancel(key)).status == 200


async def test_cl14_their_error_words_are_told_under_other_statuses(app: App) -> None:
    order = await app.order()
    key = await app.window(order)
    wrong = await app.confirm({**order, "amount": 9_000}, key)
    assert (wrong.status, wrong["code"]) == (422, "AMOUNT_MISMATCH")
    assert (await app.confirm(order, key)).status == 200
    second = await app.confirm(order, "tgen_20260101000000abcd")
    assert (second.status, second["code"]) == (409, "ORDER_ALREADY_PAID")
    other = App(app.stack, {"Authorization": f"Bearer {token_of('user-8')}"})
    not_owned = await other.confirm(order, key)
    assert (not_owned.status, not_owned["code"]) == (404, "ORDER_NOT_FOUND")


@pytest.mark.parametrize("option", ["2_YEAR", "3_YEAR"])
async def test_cl15_a_year_that_is_in_no_specification_is_said_as_a_date(app: App, option: str) -> None:
    body = {"orderName": "캡슐", "amount": 10_000, "fulfilment": {**CAPSULE, "timeOption": option}}
    assert (await app.post("/api/orders", body)).status == 400
    dated = {**CAPSULE, "timeOption": "CUSTOM", "customOpenAt": "2039-01-01T00:00:00+09:00"}
    assert (await app.order(fulfilment=dated))["fulfilment"]["kind"] == "time_capsule"


async def test_cl16_cl17_their_paths_are_not_there_and_each_has_its_own_here(app: App) -> None:
    paid = await app.paid()
    number = paid["order"]["orderNo"]
    for path in (
        f"{TOSS}/my-payments?page=1&limit=20&status=ALL", f"/api/orders/{number}/status", f"{TOSS}/order/{number}",
    ):  # fmt: skip
        assert (await app.get(path)).status in (400, 404), path
    mine = await app.get("/payments?page=1&limit=20")
    assert [each["orderNo"] for each in mine["payments"]] == [number]
    assert (await app.get(f"/api/orders/{number}"))["status"] == "PAID"
    assert (await app.get(f"{TOSS}/orders/{number}"))["payment"]["status"] == "DONE"
