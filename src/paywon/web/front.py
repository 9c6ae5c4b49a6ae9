"""``/api/config``: what a front end has to know to open a payment window. No secret is in it."""

from litestar import get
from litestar.datastructures import CacheControlHeader, State
from litestar.status_codes import HTTP_400_BAD_REQUEST, HTTP_429_TOO_MANY_REQUESTS

from paywon.web.auth import OPEN
from paywon.web.openapi import OpenOperation, problems
from paywon.web.query import exact_query
from paywon.web.shapes import Output

# Keys change seldom, and whoever changes one keeps the old one valid for longer than this.
_FRESH_S = 300


class FrontConfig(Output, frozen=True, kw_only=True):
    """``clientKey`` opens Toss's window; null where none is set. ``environment``: ``live`` moves real money."""

    client_key: str | None
    environment: str


@get(
    "/api/config",
    opt={OPEN: True},
    guards=[exact_query],
    cache_control=CacheControlHeader(public=True, max_age=_FRESH_S),
    summary="What a front end opens Toss's window with",
    tags=["front ends"],
    responses=problems(HTTP_400_BAD_REQUEST, HTTP_429_TOO_MANY_REQUESTS),
    operation_class=OpenOperation,
)
async def front_config(state: State) -> FrontConfig:
    """Toss's client key and whether it is of the test or the live environment; open to everybody."""
    found: FrontConfig = state.front_config
    return found
