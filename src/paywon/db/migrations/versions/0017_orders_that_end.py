"""Who made an order, how long it may be open, and when its end is looked at again; orders of 0 won."""

from paywon.db.migrations.sql import run_file

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    run_file(__file__)
