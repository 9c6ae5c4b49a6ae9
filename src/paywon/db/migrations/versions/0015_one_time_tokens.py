"""One-time tokens as the natural keys of their questions; a period whose charge went back may be charged again."""

from paywon.db.migrations.sql import run_file

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    run_file(__file__)
