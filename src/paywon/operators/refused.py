"""API keys that opened nothing a moment ago, so that asking with them again costs the database nothing."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

REMEMBERED_S: Final = 60.0
MOST: Final = 10_000
"""Some two megabytes. Who sends more different keys than this a minute pushes out their own."""


class RefusedKeys:
    """Remembers digests for a minute.

    Only what is refused for good is remembered: a key that is revoked, has expired, or is unknown. An unknown one never
    becomes a key: keys are 32 random bytes, so nobody has sent one before it was made.
    """

    def __init__(self, *, most: int = MOST, now_s: Callable[[], float] = time.monotonic) -> None:
        self._most, self._now_s = most, now_s
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def add(self, digest: bytes) -> None:
        """Remember a key that was refused."""
        self._until[digest] = self._now_s() + REMEMBERED_S
        self._until.move_to_end(digest)
        while len(self._until) > self._most:
            self._until.popitem(last=False)

    def __contains__(self, digest: bytes) -> bool:
        until = self._until.get(digest)
        return until is not None and self._now_s() < until
