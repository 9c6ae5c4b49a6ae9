"""What falls due when."""

from __future__ import annotations

import heapq
from datetime import datetime


class Deadlines:
    """Keys by their time. A key may stand here several times; its record says whether something is still due."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []

    def put(self, at: datetime, key: str) -> None:
        """Remember to look at `key` then."""
        heapq.heappush(self._heap, (at, key))

    def due(self, now: datetime) -> list[str]:
        """The keys whose time has come, each once, earliest first; they are forgotten here."""
        if not self._heap or self._heap[0][0] > now:
            return []
        found: dict[str, None] = {}
        while self._heap and self._heap[0][0] <= now:
            found[heapq.heappop(self._heap)[1]] = None
        return list(found)
