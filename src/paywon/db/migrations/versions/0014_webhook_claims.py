"""What webhooks claim, so that a read that shows less does not answer them."""

from paywon.db.migrations.sql import run_file

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run_file(__file__)
