"""Who asks, and whether they may."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from paywon.base.errors import PaywonError
from paywon.base.ids import UserId
from paywon.web.body import invalid_field
from paywon.web.rates import Rate, Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who was recognised. ``actor`` is for people to read, ``holder`` never stands for two.

    ``owner`` is set for an app's own user, who sees only what is theirs.
    """

    actor: str
    holder: str
    scopes: frozenset[str]
    owner: UserId | None


Recognise: TypeAlias = Callable[[str], Awaitable[Principal | None]]
"""Takes a bearer token and answers who holds it; raises PaywonError where there is more to say than: nobody."""

OPEN = "open_to_all"
"""A handler's option that leaves it without authentication: ``@get("/x", opt={OPEN: True})``."""


class BearerAuthentication(AbstractAuthenticationMiddleware):
    """Recognises ``Authorization: Bearer …`` by the function that wiring put at ``app.state.recognise``.

    A sender who was not recognised is counted by address, and only after the look: where a proxy is not in
    PAYWON_TRUSTED_PROXIES everybody has its address, and a stranger's flood must not lock out a shop's own key.
    """

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        rates: Rates = connection.app.state.rates
        try:
            principal = await _recognise(connection)
        except PaywonError:
            await rates.spend_as_stranger(connection, Rate.ADDRESS)
            raise
        await rates.spend(Rate.KEY if principal.owner is None else Rate.USER, principal.holder)
        return AuthenticationResult(user=principal, auth=None)


async def _recognise(connection: ASGIConnection[Any, Any, Any, Any]) -> Principal:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    recognise: Recognise = connection.app.state.recognise
    principal = await recognise(token.strip()) if scheme.lower() == "bearer" and token.isascii() else None
    if principal is None:
        raise PaywonError("UNAUTHENTICATED")
    return principal


def only_own(owner: UserId | None, user_id: str | None) -> None:
    """See that an app's user, ``owner``, names nobody but themselves; a server may name anybody.

    Raises:
        PaywonError: NOT_YOURS.
    """
    if owner is not None and user_id not in (None, owner):
        raise PaywonError("NOT_YOURS", field="userId")


def user_of(owner: UserId | None, user_id: str | None) -> UserId:
    """Return whom a request is for: as it says, or the user whose token it is.

    Raises:
        PaywonError: NOT_YOURS; INVALID_REQUEST, a server has to say for whom it asks.
    """
    only_own(owner, user_id)
    if (whose := user_id or owner) is None:
        raise invalid_field("missing required field `userId`")
    return UserId(whose)


def needs(scope: str) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    """Make a guard that lets in only who holds ``scope``."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        principal: Principal = connection.user
        if scope not in principal.scopes:
            raise PaywonError("FORBIDDEN", scope=scope)

    return guard


def needs_of_user(scope: str) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    """Make a guard that lets in servers, and of an app's own users only who holds ``scope``."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        principal: Principal = connection.user
        if principal.owner is not None and scope not in principal.scopes:
            raise PaywonError("FORBIDDEN", scope=scope)

    return guard
