"""${message}"""

from paywon.db.migrations.sql import run_file

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
# The oldest revision whose code can still run on what this one makes: its own, unless it only adds.
oldest_code = ${repr(up_revision)}


def upgrade() -> None:
    run_file(__file__)
