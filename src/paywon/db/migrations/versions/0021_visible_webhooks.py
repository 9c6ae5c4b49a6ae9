"""Webhooks on the audit trail, the newest repeats of each, and how many deliveries were refused."""

from paywon.db.migrations.sql import run_file

revision = "0021"
down_revision = "0020"
# Older code leaves the new column and table alone, and writes no row of the type that the new rule is about.
oldest_code = "0020"


def upgrade() -> None:
    run_file(__file__)
