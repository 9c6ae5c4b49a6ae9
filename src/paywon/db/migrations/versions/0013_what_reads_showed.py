"""Cancels whose time could not be read, money that does not fit our books, and two people by their keys."""

from paywon.db.migrations.sql import run_file

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    run_file(__file__)
