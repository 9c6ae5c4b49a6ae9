"""The worker's part of the door outward: looks for what is due, and sends it."""

import asyncio
from contextlib import suppress

import structlog

from paywon.base.ids import EndpointId
from paywon.events.commands import delivering
from paywon.events.commands.mailroom import Mailroom
from paywon.queue.jobs import forever

_log = structlog.get_logger()


async def deliver_forever(mailroom: Mailroom, *, every_s: float) -> None:
    """Send what is due, again and again, until cancelled; what is on its way then is waited for.

    Each endpoint has a task of its own, so that a slow one keeps nobody else waiting.
    """
    running: dict[EndpointId, asyncio.Task[None]] = {}
    stopping = asyncio.Event()

    async def round_() -> int:
        for endpoint_id in [one for one, task in running.items() if task.done()]:
            _tell(endpoint_id, running.pop(endpoint_id))
        await delivering.drop_what_waits_for_nobody(mailroom)
        for endpoint_id in await delivering.endpoints_with_work(mailroom):
            if endpoint_id not in running:
                running[endpoint_id] = asyncio.create_task(_work_off(mailroom, endpoint_id, stopping))
        return 0

    try:
        await forever(round_, every_s=every_s)
    finally:
        stopping.set()
        await asyncio.gather(*running.values(), return_exceptions=True)


async def _work_off(mailroom: Mailroom, endpoint_id: EndpointId, stopping: asyncio.Event) -> None:
    while not stopping.is_set() and await delivering.deliver_due(mailroom, endpoint_id):
        pass


def _tell(endpoint_id: EndpointId, task: "asyncio.Task[None]") -> None:
    with suppress(asyncio.CancelledError):
        if error := task.exception():
            _log.warning("deliveries to an endpoint broke off; they go on", id=str(endpoint_id), error=repr(error))
