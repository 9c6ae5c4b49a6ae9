"""Real ``paywon dev`` processes to start, hurt and stop."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

_OURS = re.compile(r"^(PAYWON_|TOSS_|DATABASE_URL|REDIS_URL|APP_BASE_URL)")


def free_port() -> int:
    """Answer a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment(**more: str) -> dict[str, str]:
    """The environment of a terminal in which nothing of paywon is set, and ``more``."""
    return {name: value for name, value in os.environ.items() if not _OURS.match(name)} | more


def paywon(*arguments: str, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of paywon to its end, both outputs in one."""
    return subprocess.run(
        [sys.executable, "-m", "paywon.cli", *arguments],
        cwd=cwd,
        env=clean_environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=40,
        check=False,
    )


def eventually(what: Callable[[], Any], *, within_s: float = 15.0) -> Any:
    """Answer the first true value of ``what``; fail when there is none in time."""
    deadline = time.monotonic() + within_s
    while not (value := what()):
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.05)
    return value


def status_of(method: str, url: str, *, key: str = "", body: Any = None) -> tuple[int, Any]:
    """Make one request; answer status and JSON body, or 0 when nobody answers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        connection.request(method, parts.path, None if body is None else json.dumps(body), headers)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read() or b"null")
    except OSError:
        return 0, None
    finally:
        connection.close()


class Dev:
    """One ``paywon dev`` in a terminal group of its own. The same home and ports may be started many times."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.port, self.sandbox_port = free_port(), free_port()
        self.environment = environment
        self.seen: dict[int, Any] = {}
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start it; does not wait."""
        self.home.parent.mkdir(parents=True, exist_ok=True)
        ports = {"PAYWON_PORT": str(self.port), "PAYWON_SANDBOX_PORT": str(self.sandbox_port)}
        with self.output_file.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "paywon.cli", "dev"],
                cwd=self.home.parent,
                env=clean_environment(PAYWON_HOME=str(self.home), **ports, **self.environment),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self) -> float:
        """Start it and wait until its summary is whole; answer the seconds that it took."""
        began = time.monotonic()
        self.launch()
        eventually(lambda: "/ stop with" in self.output or self.has_ended, within_s=40)
        assert not self.has_ended, self.output
        self.look()
        return time.monotonic() - began

    @property
    def output_file(self) -> Path:
        return self.home.with_suffix(".out")

    @property
    def output(self) -> str:
        return self.output_file.read_text(errors="replace")

    @property
    def has_ended(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None

    @property
    def json(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads((self.home / "dev.json").read_text())
        return values

    @property
    def postgres_pid(self) -> int | None:
        try:
            return int((self.home / "postgres" / "postmaster.pid").read_text().split()[0])
        except (OSError, IndexError):
            return None

    def look(self) -> list[Any]:
        """Answer the processes under dev now, and remember them for ``survivors``."""
        assert self.process is not None
        found = psutil.Process(self.process.pid).children(recursive=True)
        self.seen |= {process.pid: process for process in found}
        return list(found)

    def child(self, word: str) -> Any:
        """Answer dev's own child that runs a program, such as ``serve``."""
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):
                if word in child.cmdline():
                    return child
        return None

    def survivors(self) -> list[Any]:
        """Answer which of the processes seen so far still live."""
        return [process for process in self.seen.values() if _lives(process)]

    def signal(self, number: signal.Signals, *, group: bool = False) -> None:
        assert self.process is not None
        (os.killpg if group else os.kill)(self.process.pid, number)

    def stop(self) -> int:
        """End it as Ctrl-C in a terminal does; answer its exit code."""
        self.signal(signal.SIGINT, group=True)
        assert self.process is not None
        return self.process.wait(30)

    def clear_away(self) -> None:
        """End whatever is left of it, by pid."""
        if self.process is not None and not self.has_ended:
            self.look()
            self.process.kill()
            self.process.wait()
        postgres = self.postgres_pid
        for pid in [process.pid for process in self.survivors()] + ([postgres] if postgres else []):
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGKILL)


def _lives(process: Any) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
