"""``paywon dev``: the whole of paywon in one terminal, started, watched and stopped together."""

import asyncio
import importlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from paywon.db.embedded import DATABASE_NAME, EmbeddedPostgres, EmbeddedPostgresError
from paywon.devfile import DevFile, read_dev_file, write_dev_file
from paywon.terminal import ready
from paywon.terminal.checks import check_port, close_home, look_at_database, make_home, wait_for_database
from paywon.terminal.child import Child, Deaths, Program
from paywon.terminal.leash import GRACE_S
from paywon.terminal.lock import only_one
from paywon.terminal.plan import Plan, load_dev_settings, make_plan
from paywon.terminal.screen import Screen
from paywon.terminal.trouble import Trouble, newer_schema

WATCH_S: Final = 0.5


def run_dev() -> None:
    """Run everything until Ctrl-C or SIGTERM.

    Raises:
        Trouble: something stands in the way; whatever had been started is stopped again.
    """
    settings = load_dev_settings()
    settings = settings.model_copy(update={"home": settings.home.resolve()})
    is_ours = make_home(settings.home)
    with only_one(settings.home) as was_killed:
        if is_ours:
            close_home(settings.home)
        plan = make_plan(settings)
        _check_ports(plan, patience_s=2 * GRACE_S if was_killed else 0)
        asyncio.run(Stack(plan, Screen()).run())


def _check_ports(plan: Plan, *, patience_s: float) -> None:
    """Check the ports; the children of a killed ``paywon dev`` are given a moment to leave theirs."""
    wanted = [(plan.host, plan.port, "PAYWON_PORT")]
    if plan.sandbox_port is not None:
        wanted.append(("127.0.0.1", plan.sandbox_port, "PAYWON_SANDBOX_PORT"))
    deadline = time.monotonic() + patience_s
    for host, port, setting in wanted:
        while True:
            try:
                check_port(host, port, setting)
                break
            except Trouble:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


class Stack:
    """PostgreSQL, sandbox, API and worker."""

    def __init__(self, plan: Plan, screen: Screen) -> None:
        self._plan = plan
        self._screen = screen
        self._stop_wanted = asyncio.Event()
        self._hurry = asyncio.Event()
        self._postgres = None if plan.database_url is not None else EmbeddedPostgres(plan.home / "postgres")
        self._postgres_starting: asyncio.Future[None] | None = None
        self._children: dict[str, Child] = {}
        # Only this process holds the writing end: children notice its end, however it comes (paywon.terminal.leash).
        self._leash, self._hold = os.pipe()

    async def run(self) -> None:
        """Start everything, look after it, and stop it in order."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled)
        life = asyncio.create_task(self._live())
        stop = asyncio.create_task(self._stop_wanted.wait())
        try:
            await asyncio.wait({life, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            if self._stop_wanted.is_set():
                self._screen.stopping()
            await self._stop(life)
        self._screen.stopped()

    def _signalled(self) -> None:
        if self._stop_wanted.is_set():
            self._hurry.set()
        self._stop_wanted.set()

    async def _live(self) -> None:
        began = time.monotonic()
        self._screen.title()
        if self._plan.sandbox_port is None:
            at = self._plan.toss_base_url
            self._screen.note(f"샌드박스 없이 {at} 과 통신합니다 / no sandbox: talking to {at} with your test key")
        await self._start_sandbox()
        url = await self._start_database()
        await self._start_service(url)
        await self._tell(url, began)
        async with asyncio.TaskGroup() as group:
            for child in self._children.values():
                group.create_task(child.look_after())
            if self._postgres is not None:
                group.create_task(self._look_after_postgres(self._postgres))

    async def _start_sandbox(self) -> None:
        plan = self._plan
        if plan.sandbox_url is None:
            return
        arguments = ["--host", "127.0.0.1", "--port", str(plan.sandbox_port), "--public-url", plan.sandbox_url]
        # The demo shop, and whoever calls this machine by its name, as a phone may.
        arguments += ["--allow-host", urlsplit(plan.app_base_url).hostname or "localhost"]
        arguments += ["--state", str(plan.home / "sandbox.sqlite")]
        program = Program(name="sandbox", module="paywon_sandbox", arguments=tuple(arguments), is_chatty=True)
        await self._start(program, self._sandbox_ready)

    async def _sandbox_ready(self, child: Child) -> None:
        await ready.answers(child, f"{self._plan.toss_base_url}/sandbox/health")
        receiver = f"{self._plan.local_url}/payments/webhook"
        await ready.register_webhook(self._plan.toss_base_url, self._plan.toss_secret_key, receiver)

    async def _start_database(self) -> str:
        """Start or find the database and bring its schema up to date; answer its address."""
        # Alembic takes most of a second to import: meanwhile PostgreSQL starts.
        importing = asyncio.create_task(asyncio.to_thread(importlib.import_module, "paywon.db.migrate"))
        if self._postgres is not None:
            with self._screen.step("PostgreSQL"):
                await self._start_postgres(self._postgres)
            url = self._postgres.url()
        else:
            assert self._plan.database_url is not None
            url = self._plan.database_url
        await importing
        with self._screen.step("데이터베이스 스키마 / database schema"):
            await self._migrate(url)
        return url

    async def _start_postgres(self, postgres: EmbeddedPostgres) -> None:
        # A thread cannot be cancelled: it is kept, for _stop to wait for.
        self._postgres_starting = asyncio.ensure_future(asyncio.to_thread(postgres.start))
        try:
            await asyncio.shield(self._postgres_starting)
        except EmbeddedPostgresError as error:
            raise Trouble(error.korean, error.english) from None

    async def _migrate(self, url: str) -> None:
        from paywon.db.migrate import NewerSchema, ensure_database, migrate, newest_revision

        if self._postgres is not None:
            await ensure_database(self._postgres.url("postgres"), DATABASE_NAME)
        state = await look_at_database(url)
        if newest_revision() in state.supported_code:
            return
        try:
            await migrate(url)
        except NewerSchema as newer:
            raise newer_schema(str(newer), newest_revision()) from None

    async def _start_service(self, url: str) -> None:
        environment = self._plan.environment(url)
        api = Program(name="api", module="paywon.cli", arguments=("serve",), environment=environment)
        worker = Program(name="worker", module="paywon.cli", arguments=("worker",), environment=environment)
        needs = partial(wait_for_database, url)
        await self._start(api, partial(ready.answers, url=f"{self._plan.local_url}/ready"), needs)
        await self._start(worker, ready.settles, needs)
        names = {"sandbox": "토스 샌드박스 / Toss sandbox", "api": "API", "worker": "작업자 / worker"}
        for name, child in self._children.items():
            with self._screen.step(names[name]):
                await child.wait_ready()

    async def _start(
        self,
        program: Program,
        is_ready: Callable[[Child], Awaitable[None]],
        needs: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        child = Child(program, leash=self._leash, screen=self._screen, ready=is_ready, needs=needs)
        self._children[program.name] = child
        await child.start()

    async def _tell(self, url: str, began: float) -> None:
        plan = self._plan
        before = read_dev_file(plan.home)
        dev = DevFile(
            api_url=plan.api_url,
            api_key=await ready.dev_api_key(url, None if before is None else before.api_key),
            console_url=None,
            operator_email=None,
            operator_password=None,
            sandbox_url=plan.sandbox_url,
            toss_secret_key=plan.toss_secret_key,
            demo_url=f"{plan.api_url}/demo",
            database_url=url,
        )
        file = write_dev_file(plan.home, dev)
        self._screen.summary(dev, file=str(file), seconds=time.monotonic() - began)

    async def _look_after_postgres(self, postgres: EmbeddedPostgres) -> None:
        deaths = Deaths()
        while True:
            await asyncio.sleep(WATCH_S)
            if not postgres.is_running():
                pause_s = deaths.count("postgres")
                self._screen.warn("postgres: 예기치 않게 끝나서 다시 시작합니다 / ended by itself, starts again")
                await asyncio.sleep(pause_s)
                await self._start_postgres(postgres)
                self._screen.note("postgres: 다시 동작합니다 / works again")

    async def _stop(self, life: asyncio.Task[None]) -> None:
        """Stop the API, the worker, the sandbox, then PostgreSQL; raise what ended ``life``, if anything did."""
        for child in self._children.values():
            child.is_stopping = True
        life.cancel()
        await asyncio.wait({life})
        for name in ("api", "worker", "sandbox"):
            if name in self._children:
                await self._children[name].stop(self._hurry)
        if self._postgres is not None:
            await self._stop_postgres(self._postgres)
        if not life.cancelled():
            _raise_first(life.exception())

    async def _stop_postgres(self, postgres: EmbeddedPostgres) -> None:
        postgres.give_up()
        if self._postgres_starting is not None:
            with suppress(Exception):  # told by whoever waited for it
                await self._postgres_starting
        stopping = asyncio.create_task(asyncio.to_thread(postgres.stop))
        hurried = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({stopping, hurried}, return_when=asyncio.FIRST_COMPLETED)
        if self._hurry.is_set():
            postgres.signal(signal.SIGQUIT)
        hurried.cancel()
        await stopping


def _raise_first(error: BaseException | None) -> None:
    """Raise an error; of a group, the first one, which is what started the trouble."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if error is not None:
        raise error
