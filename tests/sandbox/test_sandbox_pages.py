"""The payment window as a browser without JavaScript uses it: plain pages and form posts."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.sandbox.client import FAIL_URL, SUCCESS_URL, Answer, Toss

HTML = {"content-type": "application/x-www-form-urlencoded", "authorization": ""}


async def page(toss: Toss, payment_key: str) -> Answer:
    return await toss.get(f"/v1/payments/{payment_key}/checkout", headers={"authorization": ""})


async def press(toss: Toss, payment_key: str, form: str) -> Answer:
    path = f"/v1/payments/{payment_key}/checkout"
    return await toss.call("POST", path, raw=form.encode(), headers=HTML)


async def test_the_page_shows_what_is_paid(toss: Toss) -> None:
    key, order_id = await toss.opened(1234567, orderName="<script>alert('1')</script> & \"2\"")
    answer = await page(toss, key)
    html = answer.raw.decode()
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<script" not in html
    assert "<script>alert('1')</script> & \"2\"" in unescape(html)
    for text in ("테스트 결제", "1,234,567", order_id, "카드", "간편결제", "계좌이체", "휴대폰", "거절", "닫기"):
        assert text in html
    assert 'name="viewport"' in html


async def test_the_content_security_policy_is_strict(toss: Toss) -> None:
    key, _ = await toss.opened(failUrl="https://[::1]:8443/fail")
    policy = (await page(toss, key)).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "form-action 'self' http://shop.example https:" in policy


async def test_the_stylesheet_is_there(toss: Toss) -> None:
    key, _ = await toss.opened()
    [href] = re.findall(r'rel="stylesheet" href="([^"]+)"', (await page(toss, key)).raw.decode())
    sheet = await toss.get(href)
    assert (sheet.status, sheet.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert (await toss.get("/sandbox/static/icon.svg")).status == 200
    for name in ("..%2Fsettings.py", "other.css"):
        assert (await toss.get(f"/sandbox/static/{name}")).status == 404


@pytest.mark.parametrize(
    ("form", "method", "detail"),
    [
        ("method=카드&cardCompany=51&installmentPlanMonths=3", "카드", ("card", "issuerCode", "51")),
        ("method=간편결제&easyPayProvider=네이버페이", "간편결제", ("easyPay", "provider", "네이버페이")),
        ("method=계좌이체&bank=88&cashReceiptType=미발행", "계좌이체", ("transfer", "bankCode", "88")),
        (
            "method=가상계좌&bank=92&accountBank=20&customerName=박토스",
            "가상계좌",
            ("virtualAccount", "bankCode", "20"),
        ),
        ("method=휴대폰&customerMobilePhone=", "휴대폰", ("mobilePhone", "customerMobilePhone", "01012345678")),
    ],
)
async def test_approving_leads_to_the_success_url(
    toss: Toss, form: str, method: str, detail: tuple[str, str, str]
) -> None:
    key, order_id = await toss.opened(60000)
    answer = await press(toss, key, f"{form}&outcome=approve&declineAtConfirm=&pointsAmount=")
    assert answer.status == 303
    target = urlsplit(answer.headers["location"])
    assert answer.headers["location"].startswith(f"{SUCCESS_URL}?")
    assert parse_qs(target.query) == {
        "paymentType": ["NORMAL"],
        "orderId": [order_id],
        "paymentKey": [key],
        "amount": ["60000"],
    }
    payment = (await toss.confirm(key, order_id, 60000)).json
    name, field, value = detail
    assert (payment["method"], payment[name][field]) == (method, value)


async def test_declining_and_closing_lead_to_the_fail_url(toss: Toss) -> None:
    key, order_id = await toss.opened()
    declined = await press(toss, key, "method=카드&outcome=decline")
    assert declined.status == 303
    assert parse_qs(urlsplit(declined.headers["location"]).query) == {
        "code": ["REJECT_CARD_COMPANY"],
        "message": ["결제 승인이 거절되었습니다."],
        "orderId": [order_id],
    }
    closed = await press(toss, key, "method=카드&outcome=close")
    assert closed.headers["location"].startswith(f"{FAIL_URL}?code=PAY_PROCESS_CANCELED&message=")
    assert "orderId" not in closed.headers["location"]
    assert (await page(toss, key)).status == 200


async def test_a_mistake_in_the_form_is_shown_on_the_page(toss: Toss) -> None:
    key, _ = await toss.opened(15000)
    answer = await press(toss, key, "method=카드&installmentPlanMonths=3&outcome=approve")
    assert answer.status == 400
    assert "5만원 이하의 결제는 할부가 불가능" in answer.raw.decode()
    for form in ("", "outcome=explode&method=카드", "outcome=approve&method=%00"):
        assert (await press(toss, key, form)).status == 400
    assert (await toss.payment(key))["status"] == "READY"


async def test_used_expired_and_unknown_windows_say_so(toss: Toss) -> None:
    used, _ = await toss.authenticated()
    expired, _ = await toss.opened()
    await toss.advance(1801)
    for key, status, text in ((used, 410, "만료"), (expired, 410, "만료"), ("unknown", 404, "찾을 수 없습니다")):
        shown, pressed = await page(toss, key), await press(toss, key, "method=카드&outcome=approve")
        assert (shown.status, pressed.status) == (status, status)
        assert text in shown.raw.decode()
    paid = await toss.paid()
    answer = await page(toss, paid["paymentKey"])
    assert (answer.status, "이미 진행된 결제" in answer.raw.decode()) == (409, True)


async def test_the_decline_at_confirm_can_be_chosen_on_the_page(toss: Toss) -> None:
    key, order_id = await toss.opened()
    await press(toss, key, "method=카드&declineAtConfirm=REJECT_CARD_PAYMENT&outcome=approve")
    assert (await toss.confirm(key, order_id, 15000)).code == "REJECT_CARD_PAYMENT"


async def test_the_receipt_page(toss: Toss) -> None:
    payment = await toss.paid(15000)
    await toss.cancel(payment["paymentKey"], cancelAmount=1000, cancelReason="<b>변심</b>")
    parts = urlsplit(payment["receipt"]["url"])
    answer = await toss.get(f"{parts.path}?{parts.query}", headers={"authorization": ""})
    html = answer.raw.decode()
    assert answer.status == 200
    assert "<b>" not in html
    for text in ("15,000원", "1,000원", "14,000원", payment["orderId"]):
        assert text in html
    assert (await toss.get("/receipt/redirection?transactionId=unknown")).status == 404
