"""An app's users with tokens of an issuer that publishes its keys, from a phone behind proxies."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from joserfc.jwk import RSAKey

from tests.conftest import OpenStack
from tests.support.issuer import Issuer, open_issuer
from tests.support.stack import Reply, Stack
from tests.support.tokens import AUDIENCE, EVERY_SCOPE, ISSUER, claims_of, signed


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with open_issuer() as issuer:
        issuer.add_key("first")
        yield issuer


def _settings(issuer: Issuer) -> dict[str, str]:
    return {
        "PAYWON_JWT_ALGORITHM": "RS256",
        "PAYWON_JWT_JWKS_URL": issuer.url,
        "PAYWON_JWT_ISSUER": ISSUER,
        "PAYWON_JWT_AUDIENCE": AUDIENCE,
    }


async def _as(stack: Stack, token: str, method: str, path: str, body: Any = None, **headers: str) -> Reply:
    return await stack.api.send(method, path, body, headers={"Authorization": f"Bearer {token}", **headers})


async def test_tokens_of_an_issuer_that_rotates_its_keys(open_stack: OpenStack, issuer: Issuer) -> None:
    stack = await open_stack(worker=False, **_settings(issuer), PAYWON_USER_SCOPES=EVERY_SCOPE)
    token = issuer.token("alice", "first")
    wish = {"orderName": "책", "amount": 5_000, "userId": "alice"}
    made = await _as(stack, token, "POST", "/api/orders", wish)
    assert made.status == 201, made
    for user, status in (("alice", 200), ("bob", 404)):
        assert (await _as(stack, issuer.token(user, "first"), "GET", f"/api/orders/{made['id']}")).status == status
    assert issuer.asked == 1
    # Signed by a key that the issuer never published, under a name that it did.
    forged = signed(claims_of("alice"), key=RSAKey.generate_key(2048), algorithm="RS256", kid="first")
    assert (await _as(stack, forged, "GET", "/payments")).status == 401
    assert issuer.asked == 1, "a known name is no reason to ask"


async def test_an_issuer_that_is_away_is_503_for_users_and_nothing_to_the_shop(
    open_stack: OpenStack, issuer: Issuer
) -> None:
    issuer.trouble = web.Response(status=500)
    stack = await open_stack(worker=False, **_settings(issuer))
    for _ in range(2):
        reply = await _as(stack, issuer.token("alice", "first"), "GET", "/payments")
        assert (reply.status, reply["code"]) == (503, "TOKEN_KEYS_UNAVAILABLE")
        assert int(reply.headers["retry-after"]) > 0
    assert (await stack.api.get("/payments")).status == 200, "API keys need no issuer"
    assert (await _as(stack, "pwk_nobody", "GET", "/payments")).status == 401
    assert issuer.asked == 1


async def test_users_may_be_given_less(open_stack: OpenStack, issuer: Issuer) -> None:
    stack = await open_stack(worker=False, **_settings(issuer), PAYWON_USER_SCOPES="orders:read, payments:read")
    token = issuer.token("alice", "first")
    assert (await _as(stack, token, "GET", "/payments")).status == 200
    reply = await _as(stack, token, "POST", "/api/orders", {"orderName": "책", "amount": 1, "userId": "alice"})
    assert (reply.status, reply["code"]) == (403, "FORBIDDEN")


async def _addresses(stack: Stack, **headers: str) -> tuple[str, str]:
    """Where a payment request and a webhook that come with these headers are noted to come from."""
    body = {"userId": "alice", "amount": 1_000, "paymentMethod": "card"}
    reply = await _as(stack, stack.api_key, "POST", "/payments/request", body, **headers)
    assert reply.status == 201, reply
    order_no = reply["payment"]["orderId"]
    event = {"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": order_no, "status": "DONE"}}
    assert (await stack.api.post("/payments/webhook", event, headers=headers)).status == 200
    asked = await stack.row("SELECT ip_address FROM payment_transactions WHERE payment_id = $1", reply["payment"]["id"])
    told = await stack.row("SELECT source_address FROM webhook_events WHERE order_no = $1", order_no)
    return asked["ip_address"], told["source_address"]


@pytest.mark.parametrize(("proxies", "seen"), [(None, "127.0.0.1"), ("127.0.0.1, 10.0.0.0/8", "198.51.100.9")])
async def test_the_address_on_record_is_the_clients_where_the_proxy_is_known(
    open_stack: OpenStack, proxies: str | None, seen: str
) -> None:
    settings = {} if proxies is None else {"PAYWON_TRUSTED_PROXIES": proxies}
    stack = await open_stack(worker=False, **settings)
    found = await _addresses(stack, **{"X-Forwarded-For": "1.1.1.1, 198.51.100.9, 10.4.4.4"})
    assert found == (seen, seen)
