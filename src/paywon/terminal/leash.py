"""Ties a process to the one that started it: when the parent is gone, the child goes too.

``python -m paywon.terminal.leash FD MODULE ARGS…`` runs a module the way ``python -m`` does, and watches the
reading end of a pipe whose writing end only the parent holds. The kernel closes that end however the parent dies,
SIGKILL included, on Linux and macOS alike.
"""

import multiprocessing
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Final

GRACE_S: Final = 5.0


def hold(pipe: int) -> None:
    """End this process when the other end of ``pipe`` is closed."""

    def parent_gone() -> None:
        while os.read(pipe, 1):
            pass

    _end_after(parent_gone)


def hold_to_parent() -> None:
    """End this process, made by ``multiprocessing``, when the one that made it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        _end_after(lambda: wait([parent.sentinel]))


def _end_after(gone: Callable[[], object]) -> None:
    def watch() -> None:
        gone()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_S)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="leash", daemon=True).start()


def main() -> None:
    """Run the module named on the command line."""
    pipe, module = int(sys.argv[1]), sys.argv[2]
    hold(pipe)
    sys.argv = sys.argv[2:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
