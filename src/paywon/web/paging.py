"""Cursors: where a list left off, as one opaque word."""

import base64
from datetime import UTC, datetime
from uuid import UUID

from paywon.base.errors import PaywonError


def encode_cursor(created_at: datetime, row_id: UUID) -> str:
    """Make the cursor that stands for a row."""
    return base64.urlsafe_b64encode(f"{created_at.astimezone(UTC).isoformat()} {row_id}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    """Read a cursor back; None stays None.

    Raises:
        PaywonError: CURSOR_INVALID.
    """
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        created_at, row_id = text.split(" ")
        row = datetime.fromisoformat(created_at), UUID(row_id)
        # Only what was made here: every other spelling, zone and far-off year falls to this.
        if encode_cursor(*row) != cursor:
            raise ValueError("a cursor is sent back as it was made")
        return row
    except (ValueError, OverflowError):
        raise PaywonError("CURSOR_INVALID", field="cursor") from None
