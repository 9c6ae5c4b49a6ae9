"""A Valkey (or Redis) of a test's own, that can be stopped, frozen and started again."""

import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.support.outside import find_redis
from tests.support.processes import START_TIMEOUT_S, free_port


class ValkeyServer:
    """Keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.program, self.folder, self.port = find_redis(), folder, free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.child = subprocess.Popen([self.program, *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError("redis-server is not ready")

    def kill(self) -> None:
        self.child.send_signal(signal.SIGCONT)
        self.child.kill()
        self.child.wait(10)

    def freeze(self) -> None:
        """Have it take connections and answer nothing, as a machine in trouble does."""
        self.child.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.child.send_signal(signal.SIGCONT)
