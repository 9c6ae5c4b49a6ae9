"""Kinds of fulfilment that plug-ins bring; and taking a person out of closed attempts, on record."""

from paywon.db.migrations.sql import run_file

revision = "0009"
down_revision = "0011"


def upgrade() -> None:
    run_file(__file__)
