"""The API as an ASGI application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Litestar, Request, Router, get
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import NotFoundException
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from paywon import __version__
from paywon.base.clock import Clock
from paywon.base.errors import PaywonError
from paywon.base.log import set_up_logging
from paywon.billing.api import BillingController
from paywon.capsules.api import CapsulesController
from paywon.db.pool import Database
from paywon.db.readiness import Readiness
from paywon.desk.api import DeskController
from paywon.events.api.doors import EventEndpointsController, EventsController
from paywon.events.commands.mailroom import Mailroom
from paywon.idempotency.api import KeepReplies, provide_claim, reply_again
from paywon.idempotency.model import ReplyAgain
from paywon.inbox.api.door import WebhooksController, count_refused
from paywon.inbox.api.stored import StoredWebhooksController
from paywon.inbox.commands.receiving import Inbox
from paywon.inbox.jobs import count_refused_forever
from paywon.invariants.api import InvariantsController
from paywon.orders.api import OrdersController
from paywon.orders.commands import OrderBook
from paywon.payments.api.accounts import VirtualAccountsController
from paywon.payments.api.common import provide_origin
from paywon.payments.api.return_pages import ReturnController
from paywon.payments.api.seed1 import PaymentsController
from paywon.payments.api.seed2 import TossPaymentsController
from paywon.payments.api.status import PaymentStatusController
from paywon.payments.commands.cashier import Cashier
from paywon.payments.commands.checking import Checker
from paywon.receipts.api import CashReceiptsController
from paywon.settings import Settings, load_settings
from paywon.settlements.api.doors import SettlementsController
from paywon.settlements.commands import Ledger
from paywon.toss.keys import mode_of
from paywon.web.arrival import BodyInTime
from paywon.web.auth import OPEN, BearerAuthentication
from paywon.web.front import FrontConfig, front_config
from paywon.web.head import OneHead
from paywon.web.headers import careful_headers, place_below_mount
from paywon.web.methods import tell_methods
from paywon.web.openapi import OpenOperation, problems
from paywon.web.problems import HANDLERS
from paywon.web.rates import RATE, LimitStrangers
from paywon.wiring import House, open_house

_log = structlog.get_logger()


# No limit: a flood that comes through an unknown proxy must not have its watchman think that we are down.
@get(
    "/health",
    opt={OPEN: True, RATE: None},
    summary="Whether this process is up; its database is not asked",
    tags=["operations"],
    operation_class=OpenOperation,
)
async def health() -> dict[str, str]:
    return {"status": "ok", "version": __version__}


@get(
    "/ready",
    opt={OPEN: True, RATE: None},
    summary="Whether this process can do its work: its database can be read and written, answered within a second",
    tags=["operations"],
    responses=problems(HTTPStatus.SERVICE_UNAVAILABLE),
    operation_class=OpenOperation,
)
async def ready(state: State) -> dict[str, str]:
    readiness: Readiness = state.readiness
    if (trouble := await readiness.trouble()) is not None:
        _log.warning("not ready", trouble=trouble)
        raise PaywonError("DATABASE_UNAVAILABLE", retry_after_s=2)
    return {"status": "ok", "version": __version__}


def create_app() -> Litestar:
    """Make the application from the environment; Granian calls this in each of its workers."""
    settings = load_settings()
    set_up_logging(settings.log_level, human=settings.dev_mode)
    return build_app(settings)


def mounted_app() -> Litestar:
    """Make the application from the environment for a host that mounts it below a path of its own.

    The host runs ``app.lifespan()`` while it serves, and ``paywon worker`` beside. Its own logging is left alone.

    Raises:
        SettingsError: names every setting that is missing or wrong.
    """
    settings = load_settings()
    set_up_logging(settings.log_level, human=False, alone=False)
    return build_app(settings)


def build_app(settings: Settings, *, clock: Clock | None = None) -> Litestar:
    """Make the application for these settings; its parts are connected when it starts."""
    handlers: list[Any] = [
        health,
        ready,
        front_config,
        OrdersController,
        CapsulesController,
        PaymentsController,
        PaymentStatusController,
        CashReceiptsController,
        TossPaymentsController,
        SettlementsController,
        VirtualAccountsController,
        BillingController,
        StoredWebhooksController,
        WebhooksController,
        InvariantsController,
        DeskController,
        EventEndpointsController,
        EventsController,
    ]
    if settings.return_to and not settings.dev_mode:  # the demo shop has pages of its own there
        handlers.append(ReturnController)
    if settings.dev_mode:
        from paywon.demo.pages import demo_handlers  # production never even loads it

        handlers += demo_handlers
    return Litestar(
        route_handlers=handlers,
        lifespan=[_lifespan(settings, clock)],
        dependencies={
            "book": Provide(_book, sync_to_thread=False),
            "db": Provide(_db, sync_to_thread=False),
            "cashier": Provide(_cashier, sync_to_thread=False),
            "inbox": Provide(_inbox, sync_to_thread=False),
            "mailroom": Provide(_mailroom, sync_to_thread=False),
            "statuses": Provide(_statuses, sync_to_thread=False),
            "ledger": Provide(_ledger, sync_to_thread=False),
            "claim": Provide(provide_claim),
            "origin": Provide(provide_origin, sync_to_thread=False),
        },
        middleware=[
            OneHead(),
            DefineMiddleware(BearerAuthentication, exclude_from_auth_key=OPEN, exclude=["^/schema"]),
            LimitStrangers(),
            BodyInTime(settings.body_timeout_s),
            KeepReplies(),
        ],
        before_send=[count_refused, tell_methods, place_below_mount, careful_headers(https=settings.https)],
        cors_config=_cors(settings.origins),
        # LITESTAR_DEBUG in an environment must not turn stack traces on.
        debug=False,
        state=_state(settings),
        exception_handlers={**HANDLERS, ReplyAgain: reply_again},
        request_max_body_size=settings.max_body_kb * 1024,
        openapi_config=_openapi(),
        # base.log has set the logs up; Litestar's own set-up would undo it.
        logging_config=None,
    )


def _state(settings: Settings) -> State:
    """Return what handlers and guards know from the start."""
    mode = mode_of(settings.toss_secret_key.get_secret_value())
    front = FrontConfig(client_key=settings.toss_client_key, environment=mode)
    return State({"trusted_proxies": settings.proxies, "return_to": settings.return_to, "front_config": front})


def _lifespan(settings: Settings, clock: Clock | None) -> Any:
    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with open_house(settings, role="api", clock=clock) as house:
            app.state.house = house
            app.state.readiness = Readiness(house.db)
            app.state.recognise = house.recognise
            app.state.rates = house.rates
            counting = asyncio.create_task(count_refused_forever(house.inbox))
            try:
                yield
            finally:
                counting.cancel()
                await asyncio.gather(counting, return_exceptions=True)

    return lifespan


def _book(state: State) -> OrderBook:
    house: House = state.house
    return house.book


def _db(state: State) -> Database:
    house: House = state.house
    return house.db


def _cashier(state: State) -> Cashier:
    house: House = state.house
    return house.cashier


def _inbox(state: State) -> Inbox:
    house: House = state.house
    return house.inbox


def _mailroom(state: State) -> Mailroom:
    house: House = state.house
    return house.mailroom


def _statuses(state: State) -> Checker:
    house: House = state.house
    return house.checker


def _ledger(state: State) -> Ledger:
    house: House = state.house
    return house.ledger


def _cors(origins: list[str]) -> CORSConfig | None:
    """Let pages of these sites call the API with a token, and read what they need of the answer. No cookies."""
    if not origins:
        return None
    return CORSConfig(
        allow_origins=origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
        expose_headers=["Location", "Retry-After", "Idempotent-Replayed", "Age", "Paywon-Cache"],
    )


def _only_documents(request: Request[Any, Any, Any]) -> None:
    """Litestar answers other paths below the documents with a page of its own; ours are problems, as everywhere."""
    if "path" in request.path_params:
        raise NotFoundException


def _openapi() -> OpenAPIConfig:
    documents = Router("/schema", route_handlers=[], include_in_schema=False, before_request=_only_documents)
    return OpenAPIConfig(
        title="paywon",
        version=__version__,
        description="결제는 정확히 한 번. Paid exactly once, and nobody has to guess.",
        path="/schema",
        openapi_router=documents,
        render_plugins=[JsonRenderPlugin()],
        components=Components(security_schemes={"apiKey": SecurityScheme(type="http", scheme="bearer")}),
        security=[{"apiKey": []}],
    )
