"""``paywon serve`` and ``paywon worker``: one process of the service, in the foreground."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from functools import partial
from typing import Any, Final

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from paywon.base.log import set_up_logging
from paywon.base.setting_types import told
from paywon.settings import Settings, unknown_names
from paywon.terminal.checks import check_database, check_plugins, check_port, wait_for_database
from paywon.terminal.leash import hold_to_parent

_MAX_HEADER_BYTES: Final = 64 * 1024
"""Roughly: what Granian reads of a request before it has its head. Proxies send 8 to 32 KB at most."""
# Without the address: a billing key may stand in it.
_ACCESS: Final = '[%(time)s] %(addr)s - "%(method)s %(protocol)s" %(status)d %(dt_ms).3f'


def serve(settings: Settings) -> None:
    """Serve HTTP until SIGTERM or SIGINT.

    Raises:
        Trouble: the database, the port or a plug-in is not as it has to be.
    """
    check_plugins()
    _tell_unknown_names()
    asyncio.run(check_database(settings.database_url))
    check_port(settings.host, settings.port, "PAYWON_PORT")
    debugging = settings.log_level.upper() == "DEBUG"
    Server(
        "paywon.asgi:create_app",
        address=settings.host,
        port=settings.port,
        workers=settings.workers,
        interface=Interfaces.ASGI,
        websockets=False,
        # Not auto: while Granian waits to see which version it is, a connection that says nothing stays for ever.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            # How long a head may take to arrive, and a kept connection may lie idle: Granian has one clock for both.
            header_read_timeout=int(settings.keep_alive_s * 1000),
            max_buffer_size=_MAX_HEADER_BYTES,
        ),
        log_level=LogLevels.info if debugging else LogLevels.warning,
        log_access=debugging,
        log_access_format=_ACCESS,
        respawn_failed_workers=True,
    ).serve(target_loader=partial(_load_app, settings.database_url), wrap_loader=False)


def _tell_unknown_names() -> None:
    """Write a line about names that no setting has: a mistyped one is as if it had not been set."""
    if unknown := unknown_names(os.environ):
        sys.stderr.write(f"paywon: {told(unknown)}\n")


def _load_app(database_url: str) -> Any:
    """Make the application; runs in each worker process."""
    # Granian's workers outlive a main process that was killed, and would go on holding the port.
    hold_to_parent()
    from paywon.asgi import create_app

    app: Any = create_app()

    async def patient(scope: Any, receive: Any, send: Any) -> None:
        # A worker that is started again while the database restarts waits for it, instead of dying at once.
        if scope["type"] == "lifespan":
            await wait_for_database(database_url)
        await app(scope, receive, send)

    return patient


def work(settings: Settings) -> None:
    """Work off jobs until SIGTERM or SIGINT.

    Raises:
        Trouble: the database or a plug-in is not as it has to be.
    """
    check_plugins()
    _tell_unknown_names()
    set_up_logging(settings.log_level, human=settings.dev_mode)
    asyncio.run(_work(settings))


async def _work(settings: Settings) -> None:
    from paywon.worker import run

    await check_database(settings.database_url)
    working = asyncio.ensure_future(run(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, working.cancel)
    # Cancelled by the signal, which is how it is meant to end.
    with suppress(asyncio.CancelledError):
        await working
