"""The webhook door."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from litestar import Controller, Request, post
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, RequestBody, Schema
from litestar.params import Dependency
from litestar.status_codes import HTTP_200_OK
from litestar.types import Message, Scope

from paywon.inbox.commands.receiving import Inbox, Receipt, receive
from paywon.inbox.refusals.model import refusal_of
from paywon.toss.webhooks import MAX_TEXT_CHARS, NEEDS_PAYMENT
from paywon.web.address import client_address
from paywon.web.auth import OPEN
from paywon.web.openapi import OpenOperation, reading
from paywon.web.rates import RATE, Rate
from paywon.web.shapes import END, Output

_MAX_BODY_BYTES: Final = 64 * 1024
"""Toss's webhooks have a few kilobytes; a stranger needs no more room than that."""

_DELIVERY: Final = "webhook_delivery"

Letterbox = Annotated[Inbox, Dependency(skip_validation=True)]


def _named(*names: str) -> Schema:
    """An object with these members, each of them a text as ``toss.webhooks`` takes it."""
    text = Schema(type=OpenAPIType.STRING, min_length=1, max_length=MAX_TEXT_CHARS, pattern=r"^[ -~]+" + END)
    return Schema(type=OpenAPIType.OBJECT, required=list(names), properties=dict.fromkeys(names, text))


def _of_payment() -> Schema:
    """The envelope of an event about a payment, which names it."""
    named = _named("eventType", "data")
    assert named.properties is not None
    named.properties["eventType"] = Schema(type=OpenAPIType.STRING, enum=sorted(NEEDS_PAYMENT))
    named.properties["data"] = Schema(any_of=[_named("paymentKey"), _named("orderId")])
    return named


def _of_other() -> Schema:
    """The envelope of every other event, known or not."""
    named = _named("eventType")
    named.schema_not = Schema(properties={"eventType": Schema(enum=sorted(NEEDS_PAYMENT))})
    return named


def _flat() -> Schema:
    """The envelope of DEPOSIT_CALLBACK, which has no type (toss/webhooks.md)."""
    flat = _named("secret", "transactionKey", "orderId")
    flat.schema_not = Schema(required=["eventType"])
    return flat


class Received(Output, frozen=True, kw_only=True):
    received: bool
    repeated: bool


@dataclass
class WebhookOperation(OpenOperation):
    """The body is taken raw, for its signature; what it is has to be said by hand."""

    def __post_init__(self) -> None:
        super().__post_init__()
        example = {
            "eventType": "PAYMENT_STATUS_CHANGED",
            "createdAt": "2027-01-01T00:00:00.000000",
            "data": {"paymentKey": "tgen_20260101000000abcd", "orderId": "ORD-1737120000000-7K3M9QW2"},
        }
        schema = Schema(type=OpenAPIType.OBJECT, any_of=[_of_payment(), _of_other(), _flat()], examples=[example])
        self.request_body = RequestBody(content={"application/json": OpenAPIMediaType(schema=schema)}, required=True)


class WebhooksController(Controller):
    path = "/payments/webhook"
    tags = ("webhooks in",)

    @post(
        "/",
        status_code=HTTP_200_OK,
        opt={OPEN: True, RATE: Rate.WEBHOOK, _DELIVERY: True},
        summary="Take a webhook of Toss Payments",
        responses=reading(408, 413),
        operation_class=WebhookOperation,
        request_max_body_size=_MAX_BODY_BYTES,
    )
    async def take(self, request: Request[Any, Any, Any], inbox: Letterbox) -> Received:
        """Stored first, worked later. Toss counts exactly 200 within 10 seconds as delivered (toss/webhooks.md)."""
        receipt = await receive(
            inbox,
            await request.body(),
            request.headers,
            source_address=client_address(request),
        )
        return Received(received=True, repeated=receipt is Receipt.REPEAT)


async def count_refused(message: Message, scope: Scope) -> None:
    """Count a delivery that was not taken, whatever part of the house refused it; a hook of every answer."""
    handler = scope.get("route_handler")
    if message["type"] != "http.response.start" or handler is None or not handler.opt.get(_DELIVERY):
        return
    refusal = refusal_of(message["status"])
    house = scope["litestar_app"].state.get("house")
    if refusal is not None and house is not None:
        inbox: Inbox = house.inbox
        inbox.refused.add(refusal, inbox.cashier.clock.now())
