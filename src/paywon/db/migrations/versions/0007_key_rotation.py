"""API keys: their rotation, and when they were last used."""

from paywon.db.migrations.sql import run_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_file(__file__)
