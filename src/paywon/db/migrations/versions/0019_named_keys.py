"""The paymentKey that whoever asked for a cancel had named."""

from paywon.db.migrations.sql import run_file

revision = "0019"
down_revision = "0018"
# A column that older code leaves empty.
oldest_code = "0018"


def upgrade() -> None:
    run_file(__file__)
