"""All SQL of stray money."""

from dataclasses import astuple, fields
from datetime import datetime
from typing import Any, Final

from paywon.base.ids import PaymentId, PaymentKey, StrayId
from paywon.base.money import Krw
from paywon.db.pool import Connection
from paywon.strays.model import Stray, StrayReason

_COLUMNS: Final = ", ".join(field.name for field in fields(Stray))


async def note(conn: Connection, stray: Stray) -> None:
    """Write stray money down, once for each paymentKey; what is left of it is kept up to date."""
    marks = ", ".join(f"${place}" for place in range(1, len(fields(Stray)) + 1))
    await conn.execute(
        f"""
        INSERT INTO strays ({_COLUMNS}) VALUES ({marks})
        ON CONFLICT (payment_key) DO UPDATE SET balance_amount = EXCLUDED.balance_amount
        """,
        *astuple(stray),
    )


async def note_returned(conn: Connection, payment_key: PaymentKey, now: datetime) -> None:
    """Note that nothing is left under a paymentKey; one that is not stray is left alone."""
    await conn.execute(
        """
        UPDATE strays SET balance_amount = 0, return_at = NULL, last_error = NULL, returned_at = $2
        WHERE payment_key = $1 AND returned_at IS NULL
        """,
        payment_key,
        now,
    )


async def claim_due(conn: Connection, now: datetime, *, lease_until: datetime, limit: int) -> list[Stray]:
    """Take the stray money whose time to go back has come; nobody else gets it before ``lease_until``."""
    rows = await conn.fetch(
        f"""
        UPDATE strays SET return_at = $2
        WHERE id IN (SELECT id FROM strays WHERE return_at <= $1
                     ORDER BY return_at LIMIT $3 FOR UPDATE SKIP LOCKED)
        RETURNING {_COLUMNS}
        """,
        now,
        lease_until,
        limit,
    )
    return [_stray(row) for row in rows]


async def wait_for_person(conn: Connection, stray_id: StrayId, error: str) -> None:
    """Leave stray money to a person, and say why."""
    await conn.execute("UPDATE strays SET return_at = NULL, last_error = $2 WHERE id = $1", stray_id, error)


async def open_ones(conn: Connection, *, after: tuple[datetime, StrayId] | None, limit: int) -> list[Stray]:
    """Fetch a page of the stray money that is still there, oldest first."""
    after_time, after_id = after or (None, None)
    rows = await conn.fetch(
        f"""
        SELECT {_COLUMNS} FROM strays
        WHERE returned_at IS NULL AND ($1::timestamptz IS NULL OR (found_at, id) > ($1, $2::uuid))
        ORDER BY found_at, id LIMIT $3
        """,
        after_time,
        after_id,
        limit,
    )
    return [_stray(row) for row in rows]


async def by_id(conn: Connection, stray_id: StrayId) -> Stray | None:
    row = await conn.fetchrow(f"SELECT {_COLUMNS} FROM strays WHERE id = $1", stray_id)
    return None if row is None else _stray(row)


async def by_key(conn: Connection, payment_key: PaymentKey) -> Stray:
    row = await conn.fetchrow(f"SELECT {_COLUMNS} FROM strays WHERE payment_key = $1", payment_key)
    assert row is not None, "the caller has noted it"
    return _stray(row)


async def unfit_of(conn: Connection, payment_id: PaymentId) -> Stray | None:
    """Fetch the money that was found for a payment and fits none of our books."""
    row = await conn.fetchrow(
        f"SELECT {_COLUMNS} FROM strays WHERE payment_id = $1 AND reason = 'UNFIT' ORDER BY found_at DESC LIMIT 1",
        payment_id,
    )
    return None if row is None else _stray(row)


def _stray(row: Any) -> Stray:
    return Stray(
        **{
            **dict(row),
            "payment_key": PaymentKey(row["payment_key"]),
            "reason": StrayReason(row["reason"]),
            "balance_amount": Krw(row["balance_amount"]),
        }
    )
