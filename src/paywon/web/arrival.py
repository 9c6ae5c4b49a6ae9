"""A body has to arrive in time: whoever sends a byte a minute does not hold a request open for hours."""

import asyncio

from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send, WebSocketReceiveMessage

from paywon.base.errors import PaywonError


class BodyInTime(ASGIMiddleware):
    """Gives the body of a request so many seconds, all of it together."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        deadline = asyncio.get_running_loop().time() + self._limit_s
        arrived = False

        async def receive_in_time() -> HTTPReceiveMessage | WebSocketReceiveMessage:
            nonlocal arrived
            if arrived:
                return await receive()  # the end of the connection, which may be waited for
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise PaywonError("REQUEST_TIMEOUT") from None
            arrived = not message.get("more_body", False)
            return message

        await next_app(scope, receive_in_time, send)
