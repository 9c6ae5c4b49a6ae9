"""Runs the SQL file that stands beside a migration."""

from pathlib import Path
from typing import Any

from alembic import op
from sqlalchemy.util import await_only


def run_file(migration: str) -> None:
    """Run ``0001_x.sql`` for the migration file ``0001_x.py``, whole, as PostgreSQL's simple protocol does."""
    script = Path(migration).with_suffix(".sql").read_text(encoding="utf-8")
    # Prepared statements hold one command each; asyncpg's own execute() takes a whole script.
    driver: Any = op.get_bind().connection.driver_connection
    await_only(driver.execute(script))
