"""Sends a flood: kept connections, one request at a time on each, every answer counted."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "
_CLOSES: Final = b"connection: close"


@dataclass
class Answers:
    """What came back, and how long each answer took."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)
    broken: int = 0
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """How many were answered."""
        return len(self.latencies_s)


async def flood(port: int, requests: Iterator[bytes], *, connections: int, until: float) -> Answers:
    """Send requests until there are none left, or until that time of the monotonic clock."""
    answers, began = Answers(), time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_sender(port, requests, answers, until))
    answers.seconds = time.monotonic() - began
    return answers


async def _sender(port: int, requests: Iterator[bytes], answers: Answers, until: float) -> None:
    line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for wanted in requests:
        if time.monotonic() > until:
            break
        sent_at = time.perf_counter()
        try:
            line = line or await asyncio.open_connection("127.0.0.1", port)
            status, closes = await _exchange(*line, wanted)
        except (OSError, asyncio.IncompleteReadError):
            answers.broken += 1
            line = None
            continue
        answers.latencies_s.append(time.perf_counter() - sent_at)
        answers.statuses[status] += 1
        if closes:
            line[1].close()
            line = None
    if line is not None:
        line[1].close()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wanted: bytes) -> tuple[int, bool]:
    writer.write(wanted)
    head = (await reader.readuntil(_HEAD_END)).lower()
    at = head.index(_LENGTH) + len(_LENGTH)
    await reader.readexactly(int(head[at : head.index(b"\r", at)]))
    return int(head[9:12]), _CLOSES in head
