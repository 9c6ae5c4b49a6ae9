"""Where customers may be sent."""

import pytest

from paywon.base.links import check_link, with_query


@pytest.mark.parametrize(
    "link", ["https://shop.example/orders", "https://shop.example/?a=1", "myapp://pay", "com.shop.app://pay/done"]
)
def test_a_shop_or_an_app(link: str) -> None:
    assert check_link(link, with_http=False) == link


@pytest.mark.parametrize(
    "link",
    [
        "http://shop.example",
        "javascript://x",
        "data://x",
        "shop.example",
        "/orders",
        "https://",
        "https://a/#b",
        "https://a/ b",
        "intent://x",
        "tel://1",
    ],
)
def test_nowhere_else(link: str) -> None:
    with pytest.raises(ValueError, match="https://"):
        check_link(link, with_http=False)


def test_http_where_it_is_allowed() -> None:
    assert check_link("http://localhost:5173/done", with_http=True)


def test_what_is_told_is_added_to_the_query() -> None:
    assert with_query("myapp://pay?a=1", status="paid") == "myapp://pay?a=1&status=paid"
    assert with_query("https://s/x", orderId="ORD-1", code="A B") == "https://s/x?orderId=ORD-1&code=A+B"
