"""Money that has to go back, and decisions of people about what no machine can know."""

from paywon.db.migrations.sql import run_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_file(__file__)
