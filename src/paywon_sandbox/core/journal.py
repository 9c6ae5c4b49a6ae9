"""Write-through to a SQLite file, so that a kill and a restart lose nothing that had been answered."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

# (kind, account, id) of a record; a body of None deletes it.
Address = tuple[str, str, str]


class Journal:
    """One table of encoded records. Without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._db: sqlite3.Connection | None = None
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        # The operating system keeps what a killed process has written: no fsync for each request.
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS records (kind TEXT, account TEXT, id TEXT, body BLOB NOT NULL,"
            " PRIMARY KEY (kind, account, id)) WITHOUT ROWID"
        )

    def load(self) -> Iterator[tuple[Address, bytes]]:
        """Every record of the file."""
        if self._db is None:
            return
        for kind, account, record_id, body in self._db.execute("SELECT kind, account, id, body FROM records"):
            yield (kind, account, record_id), body

    def write(self, changes: dict[Address, bytes | None]) -> None:
        """Apply all changes in one transaction."""
        if self._db is None or not changes:
            return
        self._db.execute("BEGIN IMMEDIATE")
        gone = [address for address, body in changes.items() if body is None]
        kept = [(*address, body) for address, body in changes.items() if body is not None]
        self._db.executemany("DELETE FROM records WHERE kind = ? AND account = ? AND id = ?", gone)
        self._db.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", kept)
        self._db.execute("COMMIT")

    @property
    def active(self) -> bool:
        """Whether anything is kept at all."""
        return self._db is not None

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
            self._db = None
