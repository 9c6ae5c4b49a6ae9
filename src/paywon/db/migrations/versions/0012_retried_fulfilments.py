"""Decisions about fulfilments that something blocked."""

from paywon.db.migrations.sql import run_file

revision = "0012"
down_revision = "0009"


def upgrade() -> None:
    run_file(__file__)
