"""A shop's phone application: Toss's window leads back into it by an address of its own scheme."""

from urllib.parse import parse_qs, urlsplit

import pytest
from tests.sandbox.client import Toss, new_order_id

APP = {"successUrl": "myapp://pay/toss/success?from=card", "failUrl": "myapp://pay/toss/fail"}
ORDER = {"orderName": "캡슐", "amount": 15_000}


def _query(link: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


async def test_an_application_gets_its_customer_back_by_its_own_scheme(toss: Toss) -> None:
    paid, order_id = await toss.opened(15_000, successUrl=APP["successUrl"], failUrl=APP["failUrl"])
    link = await toss.authenticate(paid, method="CARD")
    assert link.startswith("myapp://pay/toss/success?from=card&")
    assert _query(link)["paymentKey"] == paid
    assert (_query(link)["orderId"], _query(link)["amount"]) == (order_id, "15000")
    declined, _ = await toss.opened(15_000, successUrl=APP["successUrl"], failUrl=APP["failUrl"])
    link = await toss.authenticate(declined, outcome="decline")
    assert link.startswith("myapp://pay/toss/fail?")
    assert _query(link)["code"] == "REJECT_CARD_COMPANY"


async def test_the_window_leads_a_browser_into_the_application(toss: Toss) -> None:
    key, _ = await toss.opened(15_000, successUrl=APP["successUrl"], failUrl=APP["failUrl"])
    page = await toss.get(f"/v1/payments/{key}/checkout")
    assert "form-action 'self' myapp:" in page.headers["content-security-policy"]


async def test_a_card_is_registered_from_an_application_too(toss: Toss) -> None:
    body = {"customerKey": "customer-1", **APP}
    assert (await toss.post("/sandbox/billing-checkout", body)).status == 200


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "javascript://pay/%0aalert(1)", "data:text/html,x", "data://x/y", "file:///etc/passwd",
        "file://host/etc", "vbscript://x", "blob:x", "about:blank", "myapp:pay", "myapp://", "myapp:///pay",
        "my app://pay", "1app://pay", "://pay", "ftp://host/x", "http://", "/relative",
    ],
)  # fmt: skip
async def test_what_leads_into_no_application_is_refused(toss: Toss, url: str) -> None:
    for name, code in (("successUrl", "INCORRECT_SUCCESS_URL_FORMAT"), ("failUrl", "INCORRECT_FAIL_URL_FORMAT")):
        answer = await toss.post("/sandbox/checkout", {**ORDER, "orderId": new_order_id(), **APP, name: url})
        assert (answer.status, answer.json["code"]) == (400, code)


async def test_tosss_own_api_takes_web_addresses_alone(toss: Toss) -> None:
    answer = await toss.post("/v1/payments", {**ORDER, "orderId": new_order_id(), "method": "CARD", **APP})
    assert (answer.status, answer.json["code"]) == (400, "INCORRECT_SUCCESS_URL_FORMAT")
