"""Who asks, and whether they may."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from paywon.base.errors import PaywonError
from paywon.base.ids import UserId


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
"""Takes a bearer token and answers who holds it."""

OPEN = "open_to_all"
"""A handler's option that leaves it without authentication: ``@get("/x", opt={OPEN: True})``."""


class BearerAuthentication(AbstractAuthenticationMiddleware):
    """Recognises ``Authorization: Bearer …`` by the function that wiring put at ``app.state.recognise``."""

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        recognise: Recognise = connection.app.state.recognise
        principal = await recognise(token.strip()) if scheme.lower() == "bearer" and token.isascii() else None
        if principal is None:
            raise PaywonError("UNAUTHENTICATED")
        return AuthenticationResult(user=principal, auth=None)


def only_own(principal: Principal, user_id: str) -> None:
    """See that an app's user names nobody but themselves.

    Raises:
        PaywonError: NOT_YOURS.
    """
    if principal.owner not in (None, user_id):
        raise PaywonError("NOT_YOURS", field="userId")


def needs(scope: str) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    """Make a guard that lets in only who holds ``scope``."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        principal: Principal = connection.user
        if scope not in principal.scopes:
            raise PaywonError("FORBIDDEN", scope=scope)

    return guard
