"""Running the sandbox: one process, Granian inside this event loop, a clean stop on SIGTERM and SIGINT."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from typing import NoReturn

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from paywon_sandbox.app import create_app
from paywon_sandbox.core.journal import StateFileError
from paywon_sandbox.settings import Settings

# Granian's threads outlive its stop for a moment; one that reaches for Python while the interpreter is being taken
# down aborts the process (seen in 5 of 20 stops without a pause, in none of 20 with it).
_SETTLE_S = 0.2


def run_and_exit(settings: Settings) -> NoReturn:
    """Serve until stopped, then end the process without taking the interpreter down, so that nothing can race."""
    code = run(settings)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run(settings: Settings) -> int:
    """Serve until stopped. Returns the exit code: 0, or 1 when the port is taken or the state file cannot be used."""
    if not _port_is_free(settings.host, settings.port):
        sys.stderr.write(
            f"{settings.port} 포트를 이미 다른 프로그램이 사용하고 있습니다. --port 로 바꿔 주세요. / "
            f"Port {settings.port} on {settings.host} is in use; choose another with --port.\n"
        )
        return 1
    # A Ctrl-C before the loop has its own handlers ends as quietly as one after.
    try:
        with contextlib.suppress(KeyboardInterrupt):
            uvloop.run(_serve(settings))
    except StateFileError as problem:
        sys.stderr.write(
            f"{settings.state_path} 파일을 쓸 수 없습니다. 다른 샌드박스가 쓰고 있거나 샌드박스의 파일이 아닙니다. "
            f"--state 로 바꿔 주세요. / {settings.state_path} cannot be used "
            f"({problem}); choose another file with --state.\n"
        )
        return 1
    return 0


def _port_is_free(host: str, port: int) -> bool:
    """Granian shares a port (SO_REUSEPORT) without a word, so it is tried without sharing first."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


async def _serve(settings: Settings) -> None:
    server = Server(
        create_app(settings),
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        # Connection faults close the one socket of a request: no multiplexing.
        http=HTTPModes.http1,
        websockets=False,
        # Load tests open hundreds of connections at once.
        backlog=1024,
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop_signal, server.stop)
    announcer = asyncio.create_task(_announce(settings))
    try:
        # What is there now stays: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        await server.serve()
    finally:
        announcer.cancel()
        await asyncio.sleep(_SETTLE_S)


async def _announce(settings: Settings) -> None:
    """One line, once connections are accepted."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(settings.host, settings.port)
            writer.close()
            sys.stdout.write(f"토스페이먼츠 샌드박스 / Toss Payments sandbox: {settings.public_url}\n")
            sys.stdout.flush()
            return
        await asyncio.sleep(0.05)
