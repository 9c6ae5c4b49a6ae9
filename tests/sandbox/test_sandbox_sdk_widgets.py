"""The payment widget, and Toss's own loader from npm."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from playwright.async_api import Page, expect
from tests.sandbox.browsing import Shop, ended, start, tried, window
from tests.sandbox.client import Toss, new_order_id
from tests.sandbox.conftest import OpenPage
from tests.sandbox.process import SandboxProcess

from paywon_sandbox.core.codes import FOREIGN_WALLETS

DRAW = """(async () => {
    window.heard = [];
    window.widgets = TossPayments(key).widgets({ customerKey: TossPayments.ANONYMOUS });
    await widgets.setAmount({ value: 60000, currency: 'KRW' });
    window.methods = await widgets.renderPaymentMethods({ selector: '#methods', variantKey: 'DEFAULT' });
    window.terms = await widgets.renderAgreement({ selector: '#terms' });
    methods.on('paymentMethodSelect', ({ code }) => heard.push(code));
    terms.on('agreementStatusChange', (status) => heard.push(status.agreedRequiredTerms));
})()"""


async def drawn(toss: Toss, open_page: OpenPage, shop: Shop, sandbox: SandboxProcess) -> Page:
    page = await open_page()
    await page.goto(f"{shop.url}/blank.html")
    await page.add_script_tag(url=f"{sandbox.base_url}/v2/standard")
    assert "value" in await tried(page, DRAW, key=toss.key.replace("sk_", "ck_", 1))
    return page


def widget_pair(toss: Toss) -> Toss:
    """The same server with a widget key."""
    toss.key = toss.key.replace("test_sk_", "test_gsk_")
    return toss


async def test_a_widget_payment(toss: Toss, open_page: OpenPage, shop: Shop, sandbox: SandboxProcess) -> None:
    widget_pair(toss)
    page = await drawn(toss, open_page, shop, sandbox)
    order = {"orderId": new_order_id(), "orderName": "셔츠"}
    pay = "widgets.requestPayment(order)"
    assert (await tried(page, pay, order=order))["error"]["code"] == "NEED_CARD_PAYMENT_DETAIL"
    await page.get_by_label("카드사").select_option(label="롯데")
    await page.get_by_label("[필수]").uncheck()
    assert (await tried(page, pay, order=order))["error"]["code"] == "NEED_AGREEMENT_WITH_REQUIRED_TERMS"
    await page.get_by_label("[필수]").check()
    await start(page, pay, order=order)
    await expect(window(page).get_by_label("카드사")).to_have_value("71")
    await window(page).get_by_role("button", name="60,000원 결제하기").click()
    value = (await ended(page))["value"]
    assert (value["paymentType"], value["amount"]) == ("NORMAL", {"value": 60000, "currency": "KRW"})
    assert (await toss.confirm(value["paymentKey"], value["orderId"], 60000)).json["card"]["issuerCode"] == "71"
    assert await page.evaluate("heard") == ["CARD", True, False, True]


async def test_the_widget_tells_what_is_chosen(
    toss: Toss, open_page: OpenPage, shop: Shop, sandbox: SandboxProcess
) -> None:
    widget_pair(toss)
    page = await drawn(toss, open_page, shop, sandbox)
    await page.get_by_label("네이버페이").check()
    assert await page.evaluate("methods.getSelectedPaymentMethod()") == {"code": "NAVERPAY"}
    await expect(page.get_by_label("카드사")).to_be_hidden()
    await page.evaluate("widgets.setAmount({ value: 7000, currency: 'KRW' })")
    order = {"orderId": new_order_id(), "orderName": "셔츠"}
    addresses = {"successUrl": f"{shop.url}/blank.html?s", "failUrl": f"{shop.url}/blank.html?f"}
    await start(page, "widgets.requestPayment(order)", order=order | addresses)
    await window(page).get_by_role("button", name="7,000원 결제하기").click()
    await page.wait_for_url("**/blank.html?s&paymentType=NORMAL&*")
    payments = (await toss.get(f"/v1/payments/orders/{order['orderId']}")).json
    confirmed = await toss.confirm(payments["paymentKey"], str(order["orderId"]), 7000)
    assert confirmed.json["easyPay"]["provider"] == "네이버페이"


async def test_the_widget_refuses_as_toss_does(
    toss: Toss, open_page: OpenPage, shop: Shop, sandbox: SandboxProcess
) -> None:
    page = await drawn(widget_pair(toss), open_page, shop, sandbox)
    for source, code in (
        ("widgets.renderPaymentMethods({ selector: '#methods' })", "PAYMENT_METHODS_WIDGET_ALREADY_RENDERED"),
        ("widgets.renderAgreement({ selector: '#terms' })", "AGREEMENT_WIDGET_ALREADY_RENDERED"),
        ("widgets.setAmount({ value: 1.5, currency: 'KRW' })", "INVALID_AMOUNT_VALUE"),
        ("methods.on('click', () => {})", "INVALID_PARAMETER"),
        ("methods.on('paymentMethodSelect', 1)", "INVALID_PARAMETER"),
        ("methods.destroy().then(() => widgets.renderPaymentMethods({ selector: '#nowhere' }))", "INVALID_SELECTOR"),
        ("widgets.requestPayment({ orderId: 'order-1', orderName: 'a' })", "NOT_SELECTED_PAYMENT_METHOD"),
        ("TossPayments('test_gck_a').widgets({ customerKey: 'aa' }).requestPayment({})", "NOT_SETUP_AMOUNT"),
        (
            "TossPayments('test_gck_a').brandpay({ customerKey: 'aa' }).openSettings()",
            "UNSUPPORTED_TEST_PHASE_PAYMENT_METHOD",
        ),
    ):
        assert (await tried(page, source))["error"]["code"] == code, source


async def test_the_window_of_the_widget(toss: Toss, open_page: OpenPage, shop: Shop, sandbox: SandboxProcess) -> None:
    """renderPaymentWindow: methods and terms in a window, whose button tells the page to request the payment."""
    page = await open_page()
    await page.goto(f"{shop.url}/blank.html")
    await page.add_script_tag(url=f"{sandbox.base_url}/v2/standard")
    await start(
        page,
        """(async () => {
            const widgets = TossPayments(key).widgets({ customerKey: 'aa' });
            await widgets.setAmount({ value: 7000, currency: 'KRW' });
            const shown = await widgets.renderPaymentWindow();
            const method = await new Promise((resolve) => shown.on('paymentRequest', resolve));
            await shown.destroy();
            const again = await widgets.renderPaymentWindow();
            await new Promise((resolve) => again.on('cancel', resolve));
            return method;
        })()""",
        key=widget_pair(toss).key.replace("sk_", "ck_", 1),
    )
    await page.get_by_label("휴대폰").check()
    await page.get_by_role("button", name="7,000원 결제하기").click()
    await page.get_by_role("button", name="결제창 닫기").click()
    assert (await ended(page))["value"] == {"paymentMethod": {"code": "MOBILE_PHONE"}}


async def test_the_shops_widget_page(open_page: OpenPage, shop: Shop, sandbox: SandboxProcess) -> None:
    page = await open_page(width=390)
    await page.goto(f"{shop.url}/widget.html")
    await page.get_by_label("계좌이체").check()
    await page.get_by_role("button", name="결제하기").click()
    await window(page).get_by_role("button", name="15,000원 결제하기").click()
    await page.wait_for_url("**/done.html?keys=widget&paymentType=NORMAL&*")
    await expect(page.locator("#call")).to_contain_text("test_gsk_html_shop")


def type_file(loader: Path) -> str:
    return (loader / "types" / "index.d.ts").read_text(encoding="utf-8")


def test_every_name_of_the_type_file_is_taken(loader: Path) -> None:
    """The script refuses names that it does not know, as Toss does; so it has to know all that the type file has."""
    declared = type_file(loader)
    script = files("paywon_sandbox").joinpath("static/sdk/v2.js").read_text(encoding="utf-8")
    common = script[script.index("COMMON_NAMES") : script.index("METHOD_OPTIONS")]
    for interface in ("PaymentRequest", "WidgetPaymentRequest"):
        [body] = re.findall(rf"^interface {interface} \{{\n(.*?)^\}}", declared, flags=re.DOTALL | re.MULTILINE)
        names = set(re.findall(r"^    (\w+)\??: ", body, flags=re.MULTILINE)) - {"amount", "orderId", "orderName"}
        options = {"card", "transfer", "virtualAccount", "foreignEasyPay", "subMerchantSetting"}
        assert len(names) >= 10
        assert [name for name in names - options if f"'{name}'" not in common] == []
    methods = set(re.findall(r"^    method: (.*);$", declared, flags=re.MULTILINE))
    known = set(re.findall(r"^  ([A-Z_]+): ", script, flags=re.MULTILINE))
    assert {name for union in methods for name in re.findall(r"'(\w+)'", union)} <= known
    [wallets] = re.findall(r"^        provider: ('PAYPAL'.*);$", declared, flags=re.MULTILINE)
    assert set(re.findall(r"'(\w+)'", wallets)) <= set(FOREIGN_WALLETS)


async def test_toss_older_loader(toss: Toss, open_page: OpenPage, shop: Shop, loader: Path) -> None:
    """`@tosspayments/payment-sdk` from npm, unchanged, with `src` at the sandbox."""
    page = await open_page()
    await page.goto(f"{shop.url}/blank.html")
    order: dict[str, object] = {"orderId": new_order_id(), "orderName": "셔츠", "amount": 5000, "bank": "신한"}
    await start(
        page,
        """(async () => {
            const { loadTossPayments } = await import('/older-loader/tosspayments.esm.js');
            return (await loadTossPayments(key, { src })).requestPayment('계좌이체', order);
        })()""",
        key=toss.key.replace("sk_", "ck_", 1),
        src=f"{toss.base_url}/v1/payment",
        order=order | {"cultureExpense": True},
    )
    await expect(window(page).locator("select[name=bank]")).to_have_value("88")
    await window(page).get_by_role("button", name="5,000원 결제하기").click()
    value = (await ended(page))["value"]
    payment = (await toss.confirm(value["paymentKey"], value["orderId"], value["amount"])).json
    assert (payment["transfer"]["bankCode"], payment["cultureExpense"]) == ("88", True)


async def test_toss_own_loader(
    toss: Toss, open_page: OpenPage, shop: Shop, sandbox: SandboxProcess, loader: Path
) -> None:
    """`@tosspayments/tosspayments-sdk` from npm, unchanged, with `src` at the sandbox."""
    page = await open_page()
    await page.goto(f"{shop.url}/blank.html")
    key = toss.key.replace("sk_", "ck_", 1)
    await start(
        page,
        """(async () => {
            const { loadTossPayments, ANONYMOUS } = await import('/loader/index.esm.js');
            const toss = await loadTossPayments(key, { src });
            return toss.payment({ customerKey: ANONYMOUS }).requestPayment({ method: 'TRANSFER', ...order });
        })()""",
        key=key,
        src=f"{sandbox.base_url}/v2/standard",
        order={"orderId": new_order_id(), "orderName": "셔츠", "amount": {"value": 5000, "currency": "KRW"}},
    )
    await window(page).get_by_role("button", name="5,000원 결제하기").click()
    value = (await ended(page))["value"]
    assert (await toss.confirm(value["paymentKey"], value["orderId"], 5000)).json["method"] == "계좌이체"
    declared = type_file(loader)
    names = await page.evaluate(
        """() => [
            ...Object.keys(TossPayments('test_ck_a')),
            ...Object.keys(TossPayments('test_ck_a').payment({ customerKey: 'aa' })),
            ...Object.keys(TossPayments('test_gck_a').widgets({ customerKey: 'aa' })),
            ...Object.keys(TossPayments('test_ck_a').brandpay({ customerKey: 'aa' })),
        ]"""
    )
    assert len(names) == 3 + 3 + 6 + 7
    assert [name for name in names if f"    {name}: " not in declared] == []
