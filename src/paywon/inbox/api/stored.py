"""``/api/ops/webhooks``: what came to the webhook door, for operators."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import Parameter
from litestar.status_codes import HTTP_202_ACCEPTED

from paywon.base.clock import KST
from paywon.base.ids import OrderNo, WebhookEventId
from paywon.inbox.api.door import Letterbox
from paywon.inbox.api.shapes import (
    RefusedList,
    WebhookDetailOut,
    WebhookList,
    WebhookOut,
    refused_list,
    webhook_detail_out,
    webhook_out,
)
from paywon.inbox.commands import showing
from paywon.inbox.commands.receiving import Inbox
from paywon.inbox.commands.reprocessing import reprocess
from paywon.inbox.model import WebhookStatus, WebhookVerdict
from paywon.inbox.refusals.model import KEPT_DAYS
from paywon.inbox.shown.store import WebhookFilter
from paywon.payments.api.common import Asker
from paywon.settlements.api.doors import EndQuery, StartQuery, day_in
from paywon.settlements.model import Span, span_of
from paywon.web.auth import needs
from paywon.web.openapi import reading, writing
from paywon.web.paging import decode_cursor, encode_cursor
from paywon.web.query import exact_query
from paywon.web.shapes import ORDER_NO

OrderNoQuery = Annotated[str | None, Parameter(query="orderNo", min_length=6, max_length=64, pattern=ORDER_NO)]
LimitQuery = Annotated[int, Parameter(ge=1, le=100)]
DaysQuery = Annotated[int, Parameter(ge=1, le=KEPT_DAYS.days)]
CursorQuery = Annotated[str | None, Parameter(max_length=200)]


class StoredWebhooksController(Controller):
    path = "/api/ops/webhooks"
    guards = (exact_query,)
    tags = ("operations",)

    @get("/", guards=[needs("ops:read")], summary="List stored webhooks, newest first", responses=reading(422))
    async def list_stored(
        self,
        inbox: Letterbox,
        status: WebhookStatus | None = None,
        verdict: WebhookVerdict | None = None,
        order_no: OrderNoQuery = None,
        start_date: StartQuery = None,
        end_date: EndQuery = None,
        limit: LimitQuery = 50,
        cursor: CursorQuery = None,
    ) -> WebhookList:
        """``orderNo`` is the order that a webhook names, ours or not; the days are Korean, and when it came first.

        What is about nothing of ours, or was rejected, is kept for 30 days.
        """
        after, (since, until) = decode_cursor(cursor), _span(inbox, start_date, end_date)
        wanted = WebhookFilter(
            status=status,
            verdict=verdict,
            order_no=OrderNo(order_no) if order_no else None,
            since=since,
            until=until,
            after=(after[0], WebhookEventId(after[1])) if after else None,
            limit=limit + 1,
        )
        found = await showing.list_webhooks(inbox, wanted)
        shown = found[:limit]
        more = encode_cursor(shown[-1].received_at, shown[-1].id) if len(found) > limit else None
        return WebhookList(webhooks=[webhook_out(each) for each in shown], next_cursor=more)

    @get(
        "/refused",
        guards=[needs("ops:read")],
        summary="Count the deliveries that were not taken, by day",
        responses=reading(),
    )
    async def refused(self, inbox: Letterbox, days: DaysQuery = 30) -> RefusedList:
        """The newest ``days`` that had any, kept for a year. What other processes count comes some seconds later."""
        return refused_list(await showing.refused_deliveries(inbox, days=days))

    @get(
        "/{webhook_id:uuid}",
        guards=[needs("ops:read")],
        summary="Read a stored webhook with all that is kept of it",
        responses=reading(404),
    )
    async def read(self, webhook_id: UUID, inbox: Letterbox) -> WebhookDetailOut:
        return webhook_detail_out(await showing.find_webhook(inbox, WebhookEventId(webhook_id)))

    @post(
        "/{webhook_id:uuid}/reprocess",
        status_code=HTTP_202_ACCEPTED,
        guards=[needs("ops:write")],
        summary="Have a stored webhook looked at again",
        responses=writing(404, 409),
    )
    async def reprocess(self, webhook_id: UUID, inbox: Letterbox, origin: Asker) -> WebhookOut:
        """A worker reads its payment from Toss at once. The way on for a parked webhook, or any other that is over."""
        return webhook_out(await reprocess(inbox, WebhookEventId(webhook_id), origin))


def _span(inbox: Inbox, first: str | None, last: str | None) -> tuple[datetime | None, datetime | None]:
    """Answer from when and until before when: open where no day is named.

    Raises:
        PaywonError: INVALID_REQUEST, a day is none; DATE_RANGE_INVALID.
    """
    begin, end = day_in(first, "startDate"), day_in(last, "endDate")
    if begin and end:
        span_of(begin, end, today=inbox.cashier.clock.now().astimezone(KST).date())
    return Span(begin, begin).start if begin else None, Span(end, end).end if end else None
