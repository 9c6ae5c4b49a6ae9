"""Cursors: where a list left off, as one opaque word."""

import base64
from datetime import UTC, datetime
from uuid import UUID

from paywon.base.errors import PaywonError


def encode_words(*words: str) -> str:
    """Make a cursor of words without blanks."""
    return base64.urlsafe_b64encode(" ".join(words).encode()).decode().rstrip("=")


def decode_words(cursor: str, count: int) -> list[str]:
    """Read the words of a cursor back; what they mean is the caller's to check.

    Raises:
        PaywonError: CURSOR_INVALID, it was not made by ``encode_words`` of so many words.
    """
    try:
        words = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode().split(" ")
    except ValueError:
        raise cursor_invalid() from None
    # Only what was made here: every other spelling falls to this.
    if len(words) != count or encode_words(*words) != cursor:
        raise cursor_invalid()
    return words


def cursor_invalid() -> PaywonError:
    return PaywonError("CURSOR_INVALID", field="cursor")


def encode_cursor(created_at: datetime, row_id: UUID) -> str:
    """Make the cursor that stands for a row."""
    return encode_words(created_at.astimezone(UTC).isoformat(), str(row_id))


def decode_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    """Read a cursor back; None stays None.

    Raises:
        PaywonError: CURSOR_INVALID.
    """
    if cursor is None:
        return None
    created_at, row_id = decode_words(cursor, 2)
    try:
        row = datetime.fromisoformat(created_at), UUID(row_id)
        # Every other zone and far-off year falls to this.
        if encode_cursor(*row) != cursor:
            raise cursor_invalid()
    except (ValueError, OverflowError):
        raise cursor_invalid() from None
    return row
