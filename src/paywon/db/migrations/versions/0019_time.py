"""When Toss is asked again, whether it can be heard, and what its list of transactions showed."""

from paywon.db.migrations.sql import run_file

revision = "0019"
down_revision = "0016"


def upgrade() -> None:
    run_file(__file__)
