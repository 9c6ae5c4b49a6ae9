"""Which older code can still run on the schema."""

from paywon.db.migrations.sql import run_file

revision = "0018"
down_revision = "0017"
oldest_code = "0018"


def upgrade() -> None:
    run_file(__file__)
