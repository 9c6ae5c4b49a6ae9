"""When Toss is asked again, whether it can be heard, and what its list of transactions showed."""

from paywon.db.migrations.sql import run_file

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    run_file(__file__)
