"""How often a sender may ask: over all processes where Valkey is there, within each where it is not."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import OpenStack
from tests.support.stack import Http, Reply, Stack
from tests.support.tokens import USERS, token_of
from tests.support.valkey import ValkeyServer

KEY, USER, ADDRESS = 12, 4, 6
LIMITS = {
    **USERS,
    "PAYWON_RATE_PER_MINUTE": str(KEY),
    "PAYWON_RATE_PER_MINUTE_USER": str(USER),
    "PAYWON_RATE_PER_MINUTE_ADDRESS": str(ADDRESS),
    "PAYWON_TRUSTED_PROXIES": "127.0.0.1",
}


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path)
    yield server
    server.kill()


async def _ask(client: Http, times: int, *, token: str | None = None, path: str = "/payments?limit=1") -> list[Reply]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return [await client.get(path, headers=headers) for _ in range(times)]


def _statuses(replies: list[Reply]) -> Counter[int]:
    for refused in replies:
        if refused.status == 429:
            assert refused["code"] == "TOO_MANY_REQUESTS"
            assert 0 < int(refused.headers["retry-after"]) <= 60, "whoever it is knows when to come again"
    return Counter(reply.status for reply in replies)


async def test_keys_users_and_strangers_each_have_their_own(open_stack: OpenStack) -> None:
    """A minute may end in between, so twice the limit is asked for, and a bit more."""
    stack = await open_stack(worker=False, fresh=True, **LIMITS)
    client = stack.api
    many = await _ask(client, 2 * USER + 1, token=token_of("alice"))
    assert _statuses(many)[429] >= 1
    refused = next(reply for reply in many if reply.status == 429)
    assert (refused["code"], refused.headers["content-type"]) == ("TOO_MANY_REQUESTS", "application/problem+json")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert _statuses(await _ask(client, 1, token=token_of("bob"))) == {200: 1}, "another user"

    strangers = await _ask(client, 2 * ADDRESS + 1, token="pwk_nobody")
    assert set(_statuses(strangers)) == {401, 429}
    # A stranger's flood locks out nobody who has a key, even from the same address.
    assert _statuses(await _ask(client, 1)) == {200: 1}
    assert _statuses(await _ask(client, 1, path="/health")) == {200: 1}
    own = await _ask(client, 2 * KEY + 1)
    assert set(_statuses(own)) == {200, 429}


async def test_an_address_is_the_clients_and_not_what_it_says(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, fresh=True, **LIMITS)

    async def guess(forwarded: str) -> int:
        headers = {"Authorization": "Bearer pwk_nobody", "X-Forwarded-For": forwarded}
        return (await stack.api.get("/payments", headers=headers)).status

    tales = [await guess(f"203.0.113.{number}, 198.51.100.7") for number in range(2 * ADDRESS + 1)]
    assert 429 in tales, "what it makes up before the proxy's own entry is not believed"
    assert await guess("198.51.100.8") == 401, "another client behind the same proxy"


async def test_the_webhook_door_has_its_own(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, fresh=True, **LIMITS, PAYWON_RATE_PER_MINUTE_WEBHOOK="3")
    await _ask(stack.api, 2 * ADDRESS + 1, token="pwk_nobody")
    event = {"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": "ORD-123456"}}
    replies = [await stack.api.post("/payments/webhook", {**event, "n": number}) for number in range(7)]
    assert replies[0].status == 200, "whatever others have used up"
    assert set(_statuses(replies)) == {200, 429}


async def _in_turn(stack: Stack, times: int) -> Counter[int]:
    clients = [stack.client(port) for port in stack.ports]
    return _statuses([(await _ask(clients[number % 2], 1))[0] for number in range(times)])


async def test_processes_share_their_counts_in_valkey(open_stack: OpenStack, valkey: ValkeyServer) -> None:
    stack = await open_stack(apis=2, worker=False, REDIS_URL=valkey.url, **LIMITS)
    assert (await _in_turn(stack, 2 * KEY + 2))[200] <= 2 * KEY, "of one minute or two, and not of each process"


@pytest.mark.parametrize("trouble", ["kill", "freeze"])
async def test_a_valkey_in_trouble_refuses_nobody(open_stack: OpenStack, valkey: ValkeyServer, trouble: str) -> None:
    stack = await open_stack(worker=False, fresh=True, REDIS_URL=valkey.url, **LIMITS)
    assert _statuses(await _ask(stack.api, 2)) == {200: 2}
    getattr(valkey, trouble)()
    assert _statuses(await _ask(stack.api, 3)) == {200: 3}
    assert _statuses(await _ask(stack.api, 2 * KEY + 1))[429] >= 1, "this process counts alone"
