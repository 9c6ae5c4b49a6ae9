"""Jobs of the inbox."""

from typing import Any
from uuid import UUID

from pgqueuer import PgQueuer

from paywon.base.ids import WebhookEventId
from paywon.inbox import commands
from paywon.inbox.commands import Inbox
from paywon.queue.jobs import register


def register_jobs(pgq: PgQueuer, inbox: Inbox) -> None:
    async def work(payload: dict[str, Any]) -> None:
        await commands.work(inbox, WebhookEventId(UUID(payload["eventId"])))

    register(pgq, commands.WORK_JOB, work)
