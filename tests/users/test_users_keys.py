"""Keys behind a URL: kept, fetched again when they change, and asked for no more often than is decent."""

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from aiohttp import web
from joserfc.jwk import RSAKey

from paywon.base.errors import PaywonError
from paywon.users.keys import MAX_KEYS, MAX_SET_BYTES, FetchedKeys
from paywon.users.model import TokenAlgorithm
from tests.support.issuer import Issuer, open_issuer

PAUSE_S = 0.15


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with open_issuer() as issuer:
        issuer.add_key("first")
        yield issuer


@pytest.fixture
async def keys(issuer: Issuer) -> AsyncIterator[FetchedKeys]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.3)) as session:
        yield FetchedKeys(issuer.url, TokenAlgorithm.RS256, session, fresh_s=0.3, stale_s=0.8, pause_s=PAUSE_S)


async def unavailable(keys: FetchedKeys) -> None:
    with pytest.raises(PaywonError) as raised:
        await keys.find("first")
    assert (raised.value.code, raised.value.retry_after_s) == ("TOKEN_KEYS_UNAVAILABLE", 1)


async def test_a_set_is_fetched_once_for_all_who_come_at_once(issuer: Issuer, keys: FetchedKeys) -> None:
    found = await asyncio.gather(*(keys.find("first") for _ in range(20)))
    assert all(found)
    assert issuer.asked == 1


async def test_unknown_names_do_not_make_us_ask_again_and_again(issuer: Issuer, keys: FetchedKeys) -> None:
    names = ["nobody", "", "../../etc/passwd", "https://evil.example/keys", "' OR 1=1 --", "\x00", "a" * 5000]
    assert [await keys.find(name) for name in names * 20] == [None] * 20 * len(names)
    assert issuer.asked <= 2, "and what they name is never gone to"
    assert await keys.find("first") is not None


async def test_a_new_key_is_found_after_the_pause(issuer: Issuer, keys: FetchedKeys) -> None:
    second = RSAKey.generate_key(2048)
    await keys.find("first")
    issuer.keys["second"] = second
    assert await keys.find("second") is None
    await asyncio.sleep(PAUSE_S)
    assert await keys.find("second") is not None
    assert issuer.asked == 2


async def test_a_key_that_is_withdrawn_holds_no_longer_than_the_set_is_fresh(issuer: Issuer, keys: FetchedKeys) -> None:
    await keys.find("first")
    issuer.keys = {"second": RSAKey.generate_key(2048)}
    await asyncio.sleep(0.35)
    await keys.find("first")  # nobody waits for the fetch that this begins
    await asyncio.sleep(0.1)
    assert (await keys.find("first"), issuer.asked) == (None, 2)


async def test_a_token_without_a_name_goes_with_the_only_key(issuer: Issuer, keys: FetchedKeys) -> None:
    assert await keys.find(None) is not None
    issuer.add_key("second")
    await asyncio.sleep(PAUSE_S)
    await keys.find("second")
    assert await keys.find(None) is None, "there are two now"


def sent(status: int = 200, text: str = "{}", **headers: str) -> Callable[[], web.Response]:
    return lambda: web.Response(status=status, text=text, headers=headers)


TROUBLE: dict[str, Callable[[], web.Response | float]] = {
    "an error": sent(500),
    "not found": sent(404),
    "sent elsewhere": sent(302, Location="/elsewhere"),
    "no JSON": sent(text="<html>"),
    "another shape": sent(text='{"keys": {}}'),
    "a list of no objects": sent(text='{"keys": [1]}'),
    "nested": sent(text="[" * 100_000),
    "too large": sent(text='{"keys": [' + " " * MAX_SET_BYTES + "]}"),
    "too slow": lambda: 5.0,
}


@pytest.mark.parametrize("name", TROUBLE)
async def test_an_issuer_in_trouble(name: str, issuer: Issuer, keys: FetchedKeys) -> None:
    issuer.trouble = TROUBLE[name]()
    await unavailable(keys)
    await unavailable(keys)
    assert issuer.asked == 1, "it is left alone for a while"
    issuer.trouble = None
    await asyncio.sleep(PAUSE_S)
    assert await keys.find("first") is not None


async def test_what_is_known_holds_for_a_while_when_the_issuer_falls_silent(issuer: Issuer, keys: FetchedKeys) -> None:
    await keys.find("first")
    issuer.trouble = 5.0
    await asyncio.sleep(0.4)
    async with asyncio.timeout(0.1):
        assert await keys.find("first") is not None, "and nobody waits for it"
    await asyncio.sleep(0.5)
    await unavailable(keys)


async def test_strange_entries_do_not_spoil_the_others(issuer: Issuer, keys: FetchedKeys) -> None:
    good = {**issuer.keys["first"].as_dict(private=False), "kid": "first"}
    strange = [{"kid": ["first"], **good, "kty": 7}, {**good, "kid": 7}, {**good, "kid": {}}, {"kid": "first"}, {}]
    issuer.trouble = web.json_response({"keys": [good, *strange]})
    assert await keys.find("first") is not None
    assert await keys.find("7") is None
    issuer.trouble = web.json_response({"keys": [*strange * MAX_KEYS, {**good, "kid": "last"}]})
    await asyncio.sleep(PAUSE_S)
    assert await keys.find("last") is None, "no set is that long"
