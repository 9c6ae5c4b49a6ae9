"""Something in Valkey (or Redis), and what stands in for it while it cannot be used: no request fails for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import structlog
from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

TIMEOUT_S: Final = 0.25
"""How long one look at Valkey may hold a request up. It answers within a millisecond or it is in trouble."""
PAUSE_S: Final = 5.0
"""How long Valkey is left alone after it failed, so that not every request waits for it in vain."""

S = TypeVar("S")
T = TypeVar("T")
_log = structlog.get_logger()


class WithSpare(Generic[S]):
    """Asks ``shared``; after it failed, ``spare``, until a pause is over."""

    def __init__(self, shared: S, spare: S, *, timeout_s: float = 2 * TIMEOUT_S, pause_s: float = PAUSE_S) -> None:
        self._shared, self._spare = shared, spare
        self._timeout_s, self._pause_s = timeout_s, pause_s
        self._left_alone_until = 0.0

    async def ask(self, what: Callable[[S], Awaitable[T]]) -> T:
        """Answer what the one that can be used answers."""
        if time.monotonic() >= self._left_alone_until:
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await what(self._shared)
            except (ValkeyError, OSError, TimeoutError) as error:
                self._left_alone_until = time.monotonic() + self._pause_s
                # Not the error's text: it may name the address, and the address may hold a password.
                _log.warning("Valkey cannot be used; memory stands in", error=type(error).__name__)
        return await what(self._spare)


def connect(url: str) -> "Valkey":
    """Make a client; it connects at its first use."""
    client: Valkey = Valkey.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    return client
