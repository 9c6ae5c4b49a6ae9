"""OPTIONS: which methods an address takes."""

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import HttpMethod
from litestar.routes import HTTPRoute
from litestar.types import Message, Scope


async def tell_methods(message: Message, scope: Scope) -> None:
    """Put every method of an address into the answer to OPTIONS, just before it is sent.

    Litestar 2.25 only tells the method that was registered first, where several handlers share an address.
    """
    if scope.get("method") != HttpMethod.OPTIONS or message["type"] != "http.response.start":
        return
    for route in scope["litestar_app"].routes:
        if isinstance(route, HTTPRoute) and route.path_format == scope.get("path_template"):
            MutableScopeHeaders(message)["Allow"] = ", ".join(sorted(route.methods))
