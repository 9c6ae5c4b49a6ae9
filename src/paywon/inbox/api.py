"""The webhook door."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from litestar import Controller, Request, post
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import Dependency
from litestar.status_codes import HTTP_200_OK

from paywon.inbox.commands.receiving import Inbox, Receipt, receive
from paywon.web.address import client_address
from paywon.web.auth import OPEN
from paywon.web.openapi import reading
from paywon.web.rates import RATE, Rate
from paywon.web.shapes import Output

_MAX_BODY_BYTES: Final = 64 * 1024
"""Toss's webhooks have a few kilobytes; a stranger needs no more room than that."""

Letterbox = Annotated[Inbox, Dependency(skip_validation=True)]


class Received(Output, frozen=True, kw_only=True):
    received: bool
    repeated: bool


@dataclass
class WebhookOperation(Operation):
    """The body is taken raw, for its signature; what it is has to be said by hand. No key of ours comes with it."""

    def __post_init__(self) -> None:
        example = {
            "eventType": "PAYMENT_STATUS_CHANGED",
            "createdAt": "2027-01-01T00:00:00.000000",
            "data": {"paymentKey": "tgen_20260101000000abcd", "orderId": "ORD-1737120000000-7K3M9QW2"},
        }
        schema = Schema(type=OpenAPIType.OBJECT, examples=[example])
        self.request_body = RequestBody(content={"application/json": OpenAPIMediaType(schema=schema)}, required=True)
        self.security = []


class WebhooksController(Controller):
    path = "/payments/webhook"
    tags = ("webhooks in",)

    @post(
        "/",
        status_code=HTTP_200_OK,
        opt={OPEN: True, RATE: Rate.WEBHOOK},
        summary="Take a webhook of Toss Payments",
        responses=reading(408, 413),
        operation_class=WebhookOperation,
        request_max_body_size=_MAX_BODY_BYTES,
    )
    async def take(self, request: Request[Any, Any, Any], inbox: Letterbox) -> Received:
        """Stored first, worked later. Toss counts exactly 200 within 10 seconds as delivered (webhooks.md)."""
        receipt = await receive(
            inbox,
            await request.body(),
            request.headers,
            source_address=client_address(request),
        )
        return Received(received=True, repeated=receipt is Receipt.REPEAT)
