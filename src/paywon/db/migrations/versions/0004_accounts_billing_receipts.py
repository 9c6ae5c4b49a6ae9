"""Virtual accounts, billing keys, cash receipts, and what is sealed for a repeat."""

from paywon.db.migrations.sql import run_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_file(__file__)
