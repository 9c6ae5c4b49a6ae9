"""Starts the programs that tests talk to, and ends them."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

START_TIMEOUT_S = 90.0


def free_port() -> int:
    """Find a port of the loopback interface that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """One program, its output in a file, killed at the end whatever happens."""

    def __init__(
        self,
        arguments: list[str],
        *,
        env: dict[str, str],
        log: Path,
        ready_url: str | None = None,
        program: str = sys.executable,
    ) -> None:
        self.arguments, self.env, self.log, self.ready_url, self.program = arguments, env, log, ready_url, program
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.child = subprocess.Popen(
                [self.program, *self.arguments],
                env={**os.environ, "PYTHONWARNINGS": "ignore", **self.env},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if self.ready_url:
            self._wait_until_ready(self.ready_url)

    def kill(self) -> None:
        """End the program and its children at once, as a power cut would."""
        self._signal(signal.SIGKILL)

    def stop(self) -> int:
        """Ask the program to end, and answer its exit code."""
        self.child.terminate()
        try:
            return self.child.wait(15)
        finally:
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, number)
        self.child.wait(10)

    def _wait_until_ready(self, url: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                raise RuntimeError(f"{self.arguments} ended at once:\n{self.log.read_text(errors='replace')}")
            try:
                with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - a loopback address of ours
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError(f"{self.arguments} is not ready:\n{self.log.read_text(errors='replace')}")
