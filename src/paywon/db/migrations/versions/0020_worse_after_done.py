"""Refunds to another account, facts that cannot be true, and billing keys that are gone."""

from paywon.db.migrations.sql import run_file

revision = "0020"
down_revision = "0019"
# Older code knows no `refund_again`.
oldest_code = "0020"


def upgrade() -> None:
    run_file(__file__)
