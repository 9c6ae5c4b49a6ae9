"""Idempotency keys of our callers."""

from paywon.db.migrations.sql import run_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_file(__file__)
