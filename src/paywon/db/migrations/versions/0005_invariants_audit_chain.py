"""History of payment statuses, the audit trail's hash chain, and the kept runs of the invariants."""

from paywon.db.migrations.sql import run_file

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_file(__file__)
