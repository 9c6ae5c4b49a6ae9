"""An application that was killed finds out, by the order number alone, how far its customer had come."""

from tests.field.conftest import Shop


async def test_an_application_that_restores_before_the_confirm_finds_its_order(shop: Shop) -> None:
    """O11: the customer has authenticated, and nobody has confirmed yet."""
    order = await shop.order(12_000)
    key = await shop.window(order)
    place = f"/api/payments/toss/orders/{order['orderNo']}"
    shown = await shop.api.get(place)
    assert shown.status == 200, shown
    assert (shown["payment"], shown["capsule"]) == (None, None)
    assert shown["order"] == {"id": order["id"], "orderNo": order["orderNo"], "status": "PENDING_PAYMENT"}
    assert (await shop.confirm(order, key)).status == 200
    paid = await shop.api.get(place)
    assert (paid["order"]["status"], paid["payment"]["paymentKey"]) == ("PAID", key)


async def test_an_order_number_that_was_never_placed_is_not_found(shop: Shop) -> None:
    missing = await shop.api.get("/api/payments/toss/orders/ORD-never-placed")
    assert (missing.status, missing["code"]) == (404, "PAYMENT_NOT_FOUND")
