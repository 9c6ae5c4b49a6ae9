"""Seed 1's word for how each payment was paid, and cards by their last four digits only."""

from paywon.db.migrations.sql import run_file

revision = "0022"
down_revision = "0021"
# Older code fills the column less often, and masks less (docs/security.md says what to do then).
oldest_code = "0020"


def upgrade() -> None:
    run_file(__file__)
