"""Many who ask the same at once share one answer."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class OneFlight(Generic[K, T]):
    """Work of this process that is under way, by what it is about."""

    def __init__(self) -> None:
        self._under_way: dict[K, asyncio.Task[T]] = {}

    async def share(self, about: K, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Answer what comes of the work about this; it is begun unless somebody has begun it already.

        A caller who is cancelled stops nobody's answer. Raises what the work raises, to all who share it.
        """
        task = self._under_way.get(about)
        if task is None:
            task = self._under_way[about] = asyncio.create_task(work())
            task.add_done_callback(lambda done: self._land(about, done))
        return await asyncio.shield(task)

    def _land(self, about: K, done: asyncio.Task[T]) -> None:
        del self._under_way[about]
        if not done.cancelled():
            done.exception()  # whoever waits is told; that nobody waits any more is no news for the log
