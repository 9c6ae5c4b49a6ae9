"""The ASGI application: handlers, wiring, and Toss's shape for everything that no handler answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from litestar import Litestar, Response, get
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin

from paywon_sandbox import inferred
from paywon_sandbox.core import ids
from paywon_sandbox.core.journal import Journal
from paywon_sandbox.core.store import Store
from paywon_sandbox.doors import (
    api,
    billing,
    books,
    console,
    control,
    levers,
    pages,
    payouts,
    sdk,
    submalls,
    windows,
)
from paywon_sandbox.doors.dialects import PLAIN, EnvelopeDialect
from paywon_sandbox.doors.door import AnyRequest, Door
from paywon_sandbox.doors.replies import wants_english
from paywon_sandbox.doors.visitors import Visitors
from paywon_sandbox.settings import MAX_DRAINED_BYTES, Settings
from paywon_sandbox.webhooks.dispatcher import Dispatcher

DOORS = (api, billing, books, payouts, submalls, control, levers, sdk, pages, windows, console)


@get("/sandbox/health")
async def health() -> dict[str, str]:
    """200 when the sandbox is ready."""
    return {"status": "ok"}


def _unhandled(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Unknown paths and methods, and whatever else the framework refuses, in Toss's shape."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    by_status = {404: inferred.UNKNOWN_PATH, 405: inferred.UNKNOWN_METHOD, 500: "UNKNOWN_ERROR"}
    code = by_status.get(status, "INVALID_REQUEST")
    v2 = request.url.path.startswith("/v2/")
    dialect = EnvelopeDialect(request.headers, sealed=False) if v2 else PLAIN
    reply = dialect.refusal(f"{request.method} *", code, english=wants_english(request))
    headers = {"x-tosspayments-trace-id": reply.trace_id or ids.trace_id()}
    return Response(reply.body, status_code=reply.status, headers=headers, media_type=reply.content_type)


class _Framework(Litestar):
    """Without the plugins for pydantic and attrs, of which no value travels here: 10 MB less."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


def create_app(settings: Settings) -> Litestar:
    """One sandbox with its own store and sender."""
    store = Store(Journal(settings.state_path))

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        dispatcher = Dispatcher(store, settings)
        app.state.door = Door(store, settings, dispatcher)
        await dispatcher.start()
        try:
            yield
        finally:
            await dispatcher.stop()
            store.close()

    async def provide_door(request: AnyRequest) -> Door:
        door: Door = request.app.state.door
        return door

    return _Framework(
        route_handlers=[health, *(handler for door in DOORS for handler in door.HANDLERS)],
        dependencies={"door": Provide(provide_door, use_cache=True)},
        exception_handlers={Exception: _unhandled},
        lifespan=[lifespan],
        middleware=[partial(Visitors, settings=settings)],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=MAX_DRAINED_BYTES,
    )
