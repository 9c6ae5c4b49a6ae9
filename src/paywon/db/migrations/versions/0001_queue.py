"""PgQueuer's tables, as its version 1.6.0 installs them."""

from paywon.db.migrations.sql import run_file

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_file(__file__)
