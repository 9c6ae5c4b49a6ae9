"""Where the keys come from that verify user tokens: a setting, or the issuer's JWK Set behind a URL."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

import aiohttp
import msgspec
import structlog
from joserfc.jwk import Key

from paywon.base.errors import PaywonError
from paywon.base.flight import OneFlight
from paywon.users.model import TokenAlgorithm
from paywon.users.tokens import key_of_set

FRESH_S: Final = 300.0
"""How long a fetched set is used without asking again: a key that its issuer withdraws verifies no longer than that."""
STALE_S: Final = 3600.0
"""… unless the issuer cannot be reached: then this long, so that its trouble is not at once ours."""
PAUSE_S: Final = 10.0
"""How often the issuer is asked at most, whatever keys tokens name."""
TIMEOUT_S: Final = 3.0
MAX_SET_BYTES: Final = 256 * 1024
MAX_KEYS: Final = 100

_log = structlog.get_logger()


class TokenKeys(Protocol):
    """What finds the key that a token was signed with."""

    async def find(self, key_id: str | None) -> Key | None:
        """Answer the key of this name, or the only one; None if there is none.

        Raises:
            PaywonError: TOKEN_KEYS_UNAVAILABLE.
        """
        ...


class OneKey:
    """The key of the settings, whatever a token calls it."""

    def __init__(self, key: Key) -> None:
        self._key = key

    async def find(self, key_id: str | None) -> Key | None:
        return self._key


class KeySet(msgspec.Struct):
    """A JWK Set (RFC 7517). Its entries are read one by one: a strange one does not spoil the others."""

    keys: list[dict[str, Any]]


class FetchedKeys:
    """The keys of a JWK Set, kept for a while. A name that is not among them has the set fetched, now and then."""

    def __init__(
        self,
        url: str,
        algorithm: TokenAlgorithm,
        session: aiohttp.ClientSession,
        *,
        fresh_s: float = FRESH_S,
        stale_s: float = STALE_S,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._url, self._algorithm, self._session = url, algorithm, session
        self._fresh_s, self._stale_s, self._pause_s = fresh_s, stale_s, pause_s
        self._keys: dict[str | None, Key] = {}
        self._fetched_at = self._asked_at = float("-inf")
        self._flight: OneFlight[str, None] = OneFlight()
        self._refreshing: asyncio.Task[None] | None = None

    async def find(self, key_id: str | None) -> Key | None:
        age_s = time.monotonic() - self._fetched_at
        if age_s > self._stale_s or self._named(key_id) is None:
            await self._fetch_again()
        elif age_s > self._fresh_s:
            # Nobody waits for this one: what is known will do until it is there.
            self._refreshing = asyncio.create_task(self._fetch_again())
        if time.monotonic() - self._fetched_at > self._stale_s:
            raise PaywonError("TOKEN_KEYS_UNAVAILABLE", retry_after_s=max(1, int(self._pause_s)))
        return self._named(key_id)

    def _named(self, key_id: str | None) -> Key | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def _fetch_again(self) -> None:
        await self._flight.share(self._url, self._fetch_unless_just_asked)

    async def _fetch_unless_just_asked(self) -> None:
        if time.monotonic() - self._asked_at < self._pause_s:
            return
        try:
            found = msgspec.json.decode(await self._read(), type=KeySet).keys[:MAX_KEYS]
        except (aiohttp.ClientError, OSError, ValueError, msgspec.MsgspecError, RecursionError) as error:
            _log.warning("the keys of user tokens could not be fetched", error=type(error).__name__)
            return
        finally:
            self._asked_at = time.monotonic()
        self._keys = _usable(found, self._algorithm)
        self._fetched_at = time.monotonic()

    async def _read(self) -> bytes:
        # No redirects: the setting says where keys come from, and nobody else does.
        async with self._session.get(self._url, allow_redirects=False) as response:
            if response.status != 200:
                raise ValueError(f"HTTP {response.status}")
            raw = await response.content.read(MAX_SET_BYTES + 1)
            while len(raw) <= MAX_SET_BYTES and (more := await response.content.read(MAX_SET_BYTES + 1 - len(raw))):
                raw += more
        if len(raw) > MAX_SET_BYTES:
            raise ValueError("too large")
        return raw


def _usable(entries: list[dict[str, Any]], algorithm: TokenAlgorithm) -> dict[str | None, Key]:
    keys: dict[str | None, Key] = {}
    for entry in entries:
        name, key = entry.get("kid"), key_of_set(entry, algorithm)
        if key is not None and (name is None or isinstance(name, str)):
            keys[name] = key
    return keys


@asynccontextmanager
async def open_key_set(url: str, algorithm: TokenAlgorithm) -> AsyncIterator[FetchedKeys]:
    """Open the JWK Set behind a URL; it is fetched at its first use."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout, headers={"Accept": "application/json"}) as session:
        yield FetchedKeys(url, algorithm, session)
