"""Events to the application that uses paywon, and their delivery."""

from paywon.db.migrations.sql import run_file

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_file(__file__)
