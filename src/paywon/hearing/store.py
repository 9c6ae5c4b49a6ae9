"""All SQL about whether Toss can be heard. Nothing is written while it is."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from paywon.db.pool import Connection

# Fewer reads in a row that went unheard are no silence: one payment's trouble is not Toss's.
SILENT_AFTER: Final = 3
# How often one waiting question is taken up before its time while Toss is silent, to hear whether it has come back.
PROBE_EVERY: Final = timedelta(seconds=30)


class Waker(StrEnum):
    """Who makes due what waits for Toss to be heard: each once for every return."""

    ATTEMPTS = "attempts_woken_at"
    LOOKS = "looks_woken_at"


async def note_read(conn: Connection, now: datetime, *, heard: bool) -> None:
    """Note whether a read of a payment was heard; the last statement of its transaction, as all meet at one row."""
    if heard:
        await conn.execute(
            """
            UPDATE provider_hearing
            SET unheard = 0, returned_at = CASE WHEN unheard >= $2 THEN $1 ELSE returned_at END WHERE unheard > 0
            """,
            now,
            SILENT_AFTER,
        )
        return
    await conn.execute(
        """
        INSERT INTO provider_hearing (provider, unheard) VALUES ('toss_payments', 1)
        ON CONFLICT (provider) DO UPDATE SET unheard = provider_hearing.unheard + 1
        """
    )


async def is_silent(conn: Connection) -> bool:
    """Whether the last reads, several in a row, all went unheard."""
    silent: bool = await conn.fetchval("SELECT EXISTS (SELECT FROM provider_hearing WHERE unheard >= $1)", SILENT_AFTER)
    return silent


async def may_probe(conn: Connection, now: datetime) -> bool:
    """Take the turn to ask a silent Toss before anything is due; False where it is heard, or was asked just now."""
    done = await conn.execute(
        """
        UPDATE provider_hearing SET probed_at = $1
        WHERE unheard >= $2 AND (probed_at IS NULL OR probed_at <= $3 OR probed_at > $1)
        """,
        now,
        SILENT_AFTER,
        now - PROBE_EVERY,
    )
    return bool(done == "UPDATE 1")


async def take_return(conn: Connection, waker: Waker, now: datetime) -> bool:
    """Whether Toss was heard again after a silence and nobody has yet made due what this waker is for."""
    done = await conn.execute(
        f"""
        UPDATE provider_hearing SET {waker} = $1
        WHERE returned_at IS NOT NULL AND ({waker} IS NULL OR {waker} < returned_at)
        """,
        now,
    )
    return bool(done == "UPDATE 1")
