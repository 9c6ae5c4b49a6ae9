"""Halts processes for a while, and holds rows: what busy hosts and slow neighbours do to a running paywon."""

import os
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

MOST_S = 3.0


def halt(pids: Sequence[int], seconds: float) -> threading.Timer:
    """Stop these processes, and have them go on after a while; return what will do that."""
    _tell(pids, signal.SIGSTOP)
    timer = threading.Timer(min(seconds, MOST_S), _tell, (pids, signal.SIGCONT))
    timer.start()
    return timer


def group_of(leader: int) -> list[int]:
    """Return the processes of a group; every program here is started as the leader of one."""
    return [pid for pid in _running() if _is_of(pid, leader)]


def family_of(parent: int) -> list[int]:
    """Return a process and its children, as a PostgreSQL is made of."""
    return [parent, *(pid for pid in _running() if _parent_of(pid) == parent)]


def _running() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _tell(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _is_of(pid: int, leader: int) -> bool:
    with suppress(OSError):
        return os.getpgid(pid) == leader
    return False


def _parent_of(pid: int) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    return None
