"""A client that somebody else wrote for Toss works with nothing changed but the address.

`tosspayments-python-server-sdk` keeps the address in its configuration, without a constructor argument for it.
The other proof is Toss's own loader from npm, in test_sandbox_sdk.py.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from tests.sandbox.client import Toss
from tests.sandbox.receiver import Receiver

SDK = "tosspayments_server_sdk"


@pytest.fixture(scope="module")
def sdk() -> Any:
    """Its errors. Its `__init__` asks for exceptions that it does not have (1.0.3 to 1.0.6), so it is gone round."""
    spec = importlib.util.find_spec(SDK)
    assert spec is not None, "pip install tosspayments-python-server-sdk"
    package = ModuleType(SDK)
    package.__path__ = list(spec.submodule_search_locations or [])
    sys.modules[SDK] = package
    return import_module(f"{SDK}.exceptions")


def client_of(toss: Toss, key: str | None = None) -> Any:
    client = import_module(f"{SDK}.client").Client(secret_key=key or toss.key, max_retries=0)
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
