"""Jobs of the inbox."""

from typing import Any
from uuid import UUID

from pgqueuer import PgQueuer

from paywon.base.ids import WebhookEventId
from paywon.inbox import commands
from paywon.inbox.commands import Inbox
from paywon.inbox.model import WORK_JOB
from paywon.queue.jobs import every_minute, register


def register_jobs(pgq: PgQueuer, inbox: Inbox) -> None:
    async def work(payload: dict[str, Any]) -> None:
        await commands.work(inbox, WebhookEventId(UUID(payload["eventId"])))

    async def tend() -> None:
        await commands.tend(inbox)

    register(pgq, WORK_JOB, work)
    every_minute(pgq, "inbox.tend", tend)
