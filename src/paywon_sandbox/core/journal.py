"""Write-through to a SQLite file, so that a kill and a restart lose nothing that had been answered."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# (kind, account, id) of a record; a body of None deletes it.
Address = tuple[str, str, str]


class StateFileError(Exception):
    """The file cannot be used: none of SQLite's, another program's, in use by another sandbox, out of reach."""


# A sandbox that was told to end frees its port at once, but keeps the file until the requests in hand are over; who
# started it waits five seconds for that before killing it. The next sandbox outwaits both.
_OPENING_S = 12.0
_RETRY_S = 0.1
_OPENING = (
    # One sandbox at a time: two would overwrite each other's records. The lock goes with the process, however it ends.
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    # The operating system keeps what a killed process has written: no fsync for each request.
    "PRAGMA synchronous = NORMAL",
    "BEGIN IMMEDIATE",
    "CREATE TABLE IF NOT EXISTS records (kind TEXT, account TEXT, id TEXT, body BLOB NOT NULL,"
    " PRIMARY KEY (kind, account, id)) WITHOUT ROWID",
    "COMMIT",
)


class Journal:
    """One table of encoded records. Without a path it keeps nothing. Raises StateFileError."""

    def __init__(self, path: Path | None) -> None:
        self._db: sqlite3.Connection | None = None
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _keep_private(path)
            self._db = _open(path)
        except (sqlite3.Error, OSError) as problem:
            raise StateFileError(str(problem)) from problem

    def load(self) -> Iterator[tuple[Address, bytes]]:
        """Every record of the file."""
        if self._db is None:
            return
        for kind, account, record_id, body in self._db.execute("SELECT kind, account, id, body FROM records"):
            yield (kind, account, record_id), body

    def write(self, changes: dict[Address, bytes | None]) -> None:
        """Apply all changes in one transaction. Raises sqlite3.Error when that fails; then none is applied."""
        if self._db is None or not changes:
            return
        gone = [address for address, body in changes.items() if body is None]
        kept = [(*address, body) for address, body in changes.items() if body is not None]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("DELETE FROM records WHERE kind = ? AND account = ? AND id = ?", gone)
            self._db.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", kept)
            self._db.execute("COMMIT")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise

    @property
    def active(self) -> bool:
        """Whether anything is kept at all."""
        return self._db is not None

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
            self._db = None


def _keep_private(path: Path) -> None:
    """Let nobody but the owner read the file: secret keys and refund accounts stand in it."""
    path.touch(mode=0o600)
    # SQLite gives the files beside it the mode of the file itself, but an earlier run may have left others.
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        with suppress(FileNotFoundError, PermissionError):
            file.chmod(0o600)


def _open(path: Path) -> sqlite3.Connection:
    """Open the file for this process alone, waiting for another one to let go. Raises sqlite3.Error."""
    deadline = time.monotonic() + _OPENING_S
    while True:
        # SQLite does not wait for every lock that this takes, so the whole is tried again.
        db = sqlite3.connect(path, isolation_level=None, timeout=_RETRY_S)
        try:
            for statement in _OPENING:
                db.execute(statement)
            return db
        except sqlite3.Error as problem:
            db.close()
            if getattr(problem, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_RETRY_S)
