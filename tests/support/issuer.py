"""An issuer of user tokens that publishes its keys, and can be made to fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from joserfc.jwk import RSAKey

from tests.support.tokens import claims_of, signed


@dataclass
class Issuer:
    """``keys`` by their names; ``trouble`` is answered instead of them, ``asked`` counts who came for them."""

    keys: dict[str, RSAKey] = field(default_factory=dict)
    trouble: web.Response | float | None = None
    asked: int = 0
    url: str = ""

    def add_key(self, name: str) -> RSAKey:
        self.keys[name] = RSAKey.generate_key(2048)
        return self.keys[name]

    def token(self, user: str, name: str, **claims: Any) -> str:
        return signed(claims_of(user, **claims), key=self.keys[name], algorithm="RS256", kid=name)

    async def publish(self, _request: web.Request) -> web.Response:
        self.asked += 1
        if isinstance(self.trouble, web.Response):
            return self.trouble
        if self.trouble is not None:
            await asyncio.sleep(self.trouble)
        keys = [{**key.as_dict(private=False), "kid": name} for name, key in self.keys.items()]
        return web.json_response({"keys": keys})


@asynccontextmanager
async def open_issuer() -> AsyncIterator[Issuer]:
    """Serve an issuer without keys at a free port of this machine."""
    issuer = Issuer()
    app = web.Application()
    app.router.add_get("/keys", issuer.publish)
    app.router.add_get("/elsewhere", issuer.publish)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
    yield issuer
    await runner.cleanup()
