"""Looks that webhooks call for: one row an order, whatever number of webhooks speaks of it."""

from paywon.db.migrations.sql import run_file

revision = "0011"
down_revision = "0008"


def upgrade() -> None:
    run_file(__file__)
