"""One ``paywon dev`` per PAYWON_HOME."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paywon.terminal.trouble import Trouble


@contextmanager
def only_one(home: Path) -> Iterator[bool]:
    """Hold the lock of a PAYWON_HOME; yields whether the last holder was killed and could not tidy up.

    Raises:
        Trouble: another ``paywon dev`` holds it.
    """
    with (home / "dev.lock").open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _already_running(home, _read(home)) from None
        was_killed = bool(_read(home))
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield was_killed
        finally:
            # The file stays: removing it would let two processes lock two files of the same name.
            file.truncate(0)


def _read(home: Path) -> str:
    return (home / "dev.lock").read_text(encoding="ascii").strip()


def _already_running(home: Path, pid: str) -> Trouble:
    return Trouble(
        f"{home} 에서 paywon dev가 이미 실행 중입니다(pid {pid}). 먼저 멈추거나 PAYWON_HOME으로 다른 폴더를 고르세요",
        f"paywon dev already runs in {home} (pid {pid}); stop it first, or choose another folder with PAYWON_HOME",
    )
