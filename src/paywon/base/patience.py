"""A limit of time that counts only while this process runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

# A process that was halted (a host that slept, a frozen container) loses one of so many parts at most.
_PARTS: Final = 8


@asynccontextmanager
async def timeout_while_running(seconds: float) -> AsyncIterator[None]:
    """Raise TimeoutError once what is within has had so much time to run.

    A halted process has done nothing wrong, nor has what it waited for: when it goes on, the answer often lies there.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:

        def pass_part(left: int) -> None:
            if left == 0:
                limit.reschedule(loop.time())
            else:
                parts.append(loop.call_later(seconds / _PARTS, pass_part, left - 1))

        parts = [loop.call_later(seconds / _PARTS, pass_part, _PARTS - 1)]
        try:
            yield
        finally:
            parts[-1].cancel()
