"""Clients that somebody else wrote for Toss work with nothing changed but the address.

Four of them: two from PyPI, one for Node from npm, and Toss's own two loaders (in test_sandbox_sdk_widgets.py).
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.client import Toss, new_order_id
from tests.sandbox.packages import NODE_CLIENT, PYTHON_CLIENT, from_npm, from_pypi
from tests.sandbox.receiver import Receiver

SDK = "tosspayments_server_sdk"


@pytest.fixture(scope="module")
def sdk() -> Any:
    """Its errors, out of the package as it was published.

    Its `__init__` loads all of its parts and then asks one of them for names that it does not have (1.0.3 to 1.0.6, all
    there are). Python keeps the parts that were loaded, so they can be used untouched. Where the import works one day,
    this test says so.
    """
    with pytest.raises(ImportError, match=f"cannot import name '.*' from '{SDK}.exceptions'"):
        import_module(SDK)
    return sys.modules[f"{SDK}.exceptions"]


def client_of(toss: Toss, key: str | None = None) -> Any:
    """It keeps the address in its configuration, without a constructor argument for it."""
    client = sys.modules[f"{SDK}.client"].Client(secret_key=key or toss.key, max_retries=0)
    client.config.api_base = toss.base_url
    return client


@pytest.fixture
def client(toss: Toss, sdk: Any) -> Any:
    return client_of(toss)


async def test_confirm_read_and_cancel(toss: Toss, client: Any) -> None:
    key, order_id = await toss.authenticated(cardCompany="71")
    paid = await asyncio.to_thread(client.payments.confirm, key, order_id, 15000)
    assert (paid.is_paid(), paid.card.issuer_code, paid.vat) == (True, "71", 1364)
    assert await asyncio.to_thread(client.payments.retrieve, key) == paid
    assert await asyncio.to_thread(client.payments.retrieve_by_order_id, order_id) == paid
    part = await asyncio.to_thread(client.payments.cancel, key, "변심", 5000)
    assert (part.is_canceled(), part.get_canceled_amount(), part.cancels[0].cancel_amount) == (True, 5000, 5000)
    rest = await asyncio.to_thread(client.payments.cancel, key, "변심")
    assert (rest.can_be_canceled(), len(rest.cancels)) == (False, 2)


@pytest.mark.parametrize(
    "choice",
    [
        {"method": "EASY_PAY"},
        {"method": "TRANSFER"},
        {"method": "MOBILE_PHONE"},
        {"method": "CULTURE_GIFT_CERTIFICATE"},
    ],
    ids=lambda choice: str(choice["method"]),
)
async def test_every_method_is_understood(toss: Toss, client: Any, choice: dict[str, Any]) -> None:
    payment = await toss.paid(**choice)
    read = await asyncio.to_thread(client.payments.retrieve, payment["paymentKey"])
    assert (read.is_paid(), read.method) == (True, payment["method"])


async def test_its_errors(toss: Toss, client: Any, sdk: Any) -> None:
    with pytest.raises(sdk.PaymentNotFoundError):
        await asyncio.to_thread(client.payments.retrieve, "no-such-payment")
    with pytest.raises(sdk.AuthenticationError):
        await asyncio.to_thread(client_of(toss, "live_sk_unknown").payments.retrieve, "any")
    key, order_id = await toss.authenticated(declineAtConfirm="REJECT_CARD_PAYMENT")
    with pytest.raises(sdk.APIError) as refused:
        await asyncio.to_thread(client.payments.confirm, key, order_id, 15000)
    assert (refused.value.status_code, refused.value.error_code) == (403, "REJECT_CARD_PAYMENT")
    await toss.ok("/sandbox/settings", {"requestsPerMinute": 1})
    await toss.get("/v1/payments/any")
    with pytest.raises(sdk.RateLimitError):
        await asyncio.to_thread(client.payments.retrieve, "any")


async def test_it_parses_the_webhooks(toss: Toss, client: Any) -> None:
    async with Receiver() as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url})
        payment = await toss.paid()
        account = await toss.paid(method="VIRTUAL_ACCOUNT")
        await toss.ok("/sandbox/events", {"eventType": "CANCEL_STATUS_CHANGED"})
        await receiver.wait_for(4)
    sent = (await toss.get("/sandbox/webhooks/deliveries")).json["deliveries"]
    # Its VirtualAccount wants a field `settledAmount`, which the reference does not know: those two are left out.
    bodies = [row["body"] for row in sent if row["eventType"] != "PAYMENT_STATUS_CHANGED"]
    bodies += [row["body"] for row in sent if row["orderId"] == payment["orderId"]]
    deposit, canceled, changed = [client.webhooks.verify_and_parse(body.encode()) for body in bodies]
    assert (deposit.is_virtual_account_event, deposit.order_id) == (True, account["orderId"])
    assert (canceled.is_cancel_event, canceled.cancel_amount) == (True, 1000)
    assert (changed.is_payment_completed(), changed.payment_key) == (True, payment["paymentKey"])


async def test_another_client_from_pypi(
    toss: Toss, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python-tosspayments` has its address in a private attribute."""
    monkeypatch.syspath_prepend(from_pypi(tmp_path_factory.mktemp("pypi"), PYTHON_CLIENT))
    client = import_module("tosspayments").TossPayments(toss.key)
    client._TossPayments__base_url = f"{toss.base_url}/"

    async def call(name: str, *args: object) -> Any:
        return await asyncio.to_thread(getattr(client, name), *args)

    key, order_id = await toss.authenticated()
    paid = await call("confirm", key, order_id, 15000, "once")
    assert paid == await call("confirm", key, order_id, 15000, "once") == await call("get_payment_by_payment_key", key)
    canceled = await call("cancel", key, {"cancelReason": "변심", "cancelAmount": 5000}, "cancel-once")
    assert canceled == await call("get_payment_by_order_id", order_id)
    assert (canceled["status"], canceled["balanceAmount"]) == ("PARTIAL_CANCELED", 10000)
    billing = await call("create_billing_key", CARD | {"customerKey": "customer-1"})
    order = {"amount": 4900, "customerKey": "customer-1", "orderId": new_order_id(), "orderName": "구독"}
    charged = await call("pay_with_billing_key", billing["billingKey"], order)
    typed = await call("pay_with_card_number", CARD | order | {"orderId": new_order_id()})
    rows = await call("get_transaction", "2020-01-01", "2099-01-01", None, 10)
    keys = [paid["paymentKey"], paid["paymentKey"], charged["paymentKey"], typed["paymentKey"]]
    assert [row["paymentKey"] for row in rows] == keys
    with pytest.raises(Exception, match="NOT_FOUND_PAYMENT"):
        await call("get_payment_by_payment_key", "no-such-payment")


CARD = {"cardNumber": "4330123412341234", "cardExpirationYear": "49", "cardExpirationMonth": "07"}
CARD |= {"cardPassword": "12", "customerIdentityNumber": "881212"}
NODE_SCRIPT = """
const { functional } = require('toss-payments-server-api');
const [host, key, json] = process.argv.slice(2);
const connection = { host, headers: { Authorization: 'Basic ' + btoa(key + ':') } };
const { payments, virtual_accounts, billing, cash_receipts } = functional.v1;
const card = JSON.parse(json);
const order = (number, amount) => ({ orderId: `nestia-${number}`, orderName: '셔츠', amount });
(async () => {
  const paid = await payments.key_in(connection, { method: 'card', ...card, ...order('0001', 15000) });
  const read = await payments.at(connection, paid.paymentKey);
  const { paymentKey } = paid;
  const gone = await payments.cancel(connection, paymentKey, { paymentKey, cancelReason: '변심' });
  const account = { method: 'virtual-account', bank: '국민', customerName: '박토스', ...order('0002', 15000) };
  const waiting = await virtual_accounts.create(connection, account);
  const owner = { customerKey: 'customer-1' };
  const { billingKey } = await billing.authorizations.card.create(connection, { ...card, ...owner });
  const charge = { method: 'billing', billingKey, ...owner, ...order('0003', 4900) };
  const charged = await billing.pay(connection, billingKey, charge);
  const receipt = { type: '소득공제', customerIdentityNumber: '01012341234', ...order('0004', 1000) };
  const issued = await cash_receipts.create(connection, receipt);
  const revoked = await cash_receipts.cancel(connection, issued.receiptKey, {});
  const told = (error) => [error.status, JSON.parse(error.message).code];
  const refused = await payments.at(connection, 'no-such-payment').catch(told);
  const statuses = [paid, read, gone, waiting, charged].map((payment) => payment.status);
  const { bankCode } = waiting.virtualAccount;
  console.log(JSON.stringify([statuses, bankCode, charged.type, revoked.transactionType, refused]));
})();
"""


async def test_a_client_for_node(toss: Toss, tmp_path: Path) -> None:
    """`toss-payments-server-api` takes the address as `host`."""
    await asyncio.to_thread(from_npm, tmp_path, *NODE_CLIENT)
    script = tmp_path / "shop.cjs"
    script.write_text(NODE_SCRIPT, encoding="utf-8")
    command = ["node", str(script), toss.base_url, toss.key, json.dumps(CARD)]
    ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    statuses, *others = json.loads(ended.stdout)
    assert statuses == ["DONE", "DONE", "CANCELED", "WAITING_FOR_DEPOSIT", "DONE"]
    assert others == ["06", "BILLING", "CANCEL", [404, "NOT_FOUND_PAYMENT"]]
