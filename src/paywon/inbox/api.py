"""The webhook door."""

from typing import Annotated, Any

from litestar import Controller, Request, post
from litestar.params import Dependency
from litestar.status_codes import HTTP_200_OK

from paywon.inbox import commands
from paywon.inbox.commands import Inbox
from paywon.web.auth import OPEN
from paywon.web.shapes import Output

Letterbox = Annotated[Inbox, Dependency(skip_validation=True)]


class Received(Output, frozen=True, kw_only=True):
    received: bool
    repeated: bool


class WebhooksController(Controller):
    path = "/payments/webhook"
    tags = ("webhooks in",)

    @post("/", status_code=HTTP_200_OK, opt={OPEN: True}, summary="Take a webhook of Toss Payments")
    async def receive(self, request: Request[Any, Any, Any], inbox: Letterbox) -> Received:
        """Stored first, worked later. Toss counts exactly 200 within 10 seconds as delivered (webhooks.md)."""
        receipt = await commands.receive(
            inbox,
            await request.body(),
            request.headers,
            source_address=request.client.host if request.client else None,
        )
        return Received(received=True, repeated=receipt is commands.Receipt.REPEAT)
