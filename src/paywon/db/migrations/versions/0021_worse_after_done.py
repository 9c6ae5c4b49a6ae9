"""Refunds to another account, facts that cannot be true, and billing keys that are gone."""

from paywon.db.migrations.sql import run_file

revision = "0021"
down_revision = "0018"
# Older code knows no `refund_again`.
oldest_code = "0021"


def upgrade() -> None:
    run_file(__file__)
