"""One process of ``paywon dev``: started on a leash, its output prefixed, started again when it dies by itself."""

import asyncio
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from paywon.terminal.screen import Screen
from paywon.terminal.trouble import Trouble

MAX_DEATHS: Final = 5
DEATHS_WINDOW_S: Final = 30.0
FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 4.0
STOP_TIMEOUT_S: Final = 20.0
_LONGEST_LINE: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a child runs: ``python -m module arguments``, known to the terminal by its name."""

    name: str
    module: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_chatty: bool = False
    """Its standard output says only that all is well, and is not shown."""


class Child:
    """A running program.

    ``ready`` waits until it does its work, and ``needs`` until what it cannot start without is there; both are
    awaited at each restart.
    """

    def __init__(
        self,
        program: Program,
        *,
        leash: int,
        screen: Screen,
        ready: Callable[["Child"], Awaitable[None]],
        needs: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.program = program
        self.is_stopping = False
        self.started_at = 0.0
        self._leash = leash
        self._screen = screen
        self._ready = ready
        self._needs = needs
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._deaths = Deaths()

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def has_died(self) -> bool:
        return self._process is not None and self._process.returncode is not None

    async def start(self) -> None:
        """Start the program; does not wait until it is ready."""
        self.started_at = time.monotonic()
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "paywon.terminal.leash", str(self._leash)),
            *(self.program.module, *self.program.arguments),
            env={**os.environ, **self.program.environment, "PYTHONUNBUFFERED": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL if self.program.is_chatty else pipe,
            stderr=pipe if self.program.is_chatty else asyncio.subprocess.STDOUT,
            pass_fds=(self._leash,),
            limit=_LONGEST_LINE,
            # Ctrl-C reaches the whole terminal group; children stop in order, when dev says so.
            start_new_session=True,
        )
        output = self._process.stdout or self._process.stderr
        assert output is not None
        self._reader = asyncio.create_task(self._read(output))

    async def wait_ready(self) -> None:
        """Wait until the program does its work.

        Raises:
            Trouble: it died before, or takes too long.
        """
        await self._ready(self)

    async def look_after(self) -> None:
        """Start the program again whenever it dies by itself, until it is stopped.

        Raises:
            Trouble: it died 5 times within 30 s.
        """
        while not self.is_stopping:
            assert self._process is not None
            code = await self._process.wait()
            if self.is_stopping:
                return
            # Helper processes that it left in its group would go on holding its port.
            self._kill_group()
            pause_s = self._deaths.count(self.program.name)
            self._screen.warn(
                f"{self.program.name}: 예기치 않게 끝나서({_ending(code)}) {pause_s:g}초 뒤에 다시 시작합니다 / "
                f"ended by itself ({_ending(code)}), starts again in {pause_s:g} s"
            )
            await asyncio.sleep(pause_s)
            if self._needs is not None:
                await self._needs()
            await self.start()
            with suppress(Trouble):  # dead again: the next round counts it
                await self.wait_ready()
                self._screen.note(f"{self.program.name}: 다시 동작합니다 / works again")

    async def stop(self, hurry: asyncio.Event) -> None:
        """Ask the program to end, and end it after 20 s or as soon as there is a hurry."""
        self.is_stopping = True
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        ended = asyncio.create_task(self._process.wait())
        hurried = asyncio.create_task(hurry.wait())
        await asyncio.wait({ended, hurried}, timeout=STOP_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        # Also when it has ended in good order: a helper process of its own may be left in its group.
        self._kill_group()
        await ended
        if self._reader is not None:
            await asyncio.wait({self._reader}, timeout=1)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def _kill_group(self) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _read(self, output: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await output.readline()
            except ValueError:
                continue  # a line longer than a megabyte; the rest of it follows
            if not line:
                return
            self._screen.line(self.program.name, line.decode(errors="replace").rstrip())


class Deaths:
    """How often something died lately, and how long to wait before it is started again."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=MAX_DEATHS)

    def count(self, name: str) -> float:
        """Count one more death; answer the pause in seconds before the next start.

        Raises:
            Trouble: it was the fifth within 30 s.
        """
        now = time.monotonic()
        self._times.append(now)
        recent = sum(now - died <= DEATHS_WINDOW_S for died in self._times)
        if recent >= MAX_DEATHS:
            raise Trouble(
                f"{name} 프로세스가 30초 안에 {MAX_DEATHS}번 끝나서 모두 멈춥니다. 위의 [{name}] 출력을 보세요",
                f"{name} died {MAX_DEATHS} times within 30 s, so everything stops; see its [{name}] output above",
            )
        return float(min(FIRST_PAUSE_S * 2 ** (recent - 1), LONGEST_PAUSE_S))


def _ending(code: int) -> str:
    """Answer how a process ended: ``exit 1`` or ``SIGKILL``."""
    if code >= 0:
        return f"exit {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
