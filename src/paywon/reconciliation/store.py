"""All SQL of reconciliation. Orders, payments and their cancels are only read here."""

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from paywon.base.ids import OrderNo, PaymentKey, new_uuid
from paywon.db.pool import Connection
from paywon.reconciliation.model import Difference, OurBooks, Row, Walk, WalkKind, looks_like_ours

_WALK: Final = tuple(field.name for field in fields(Walk))
# Where a state stands in the life of a payment; one that we do not know stands first.
_PLACE: Final = "coalesce(array_position(ARRAY['WAITING_FOR_DEPOSIT', 'DONE', 'PARTIAL_CANCELED', 'CANCELED'], {}), 0)"


# --- Walks ----------------------------------------------------------------------------------------------


async def ensure_walk(conn: Connection, kind: WalkKind, next_at: datetime) -> None:
    """Add the row of a walk, the first time."""
    await conn.execute(
        "INSERT INTO reconciliation_walks (kind, next_at) VALUES ($1, $2) ON CONFLICT DO NOTHING", kind, next_at
    )


async def due_walk(conn: Connection, now: datetime) -> Walk | None:
    """Fetch and hold a walk whose time has come and that no other worker is at."""
    row = await conn.fetchrow(
        f"""
        SELECT {", ".join(_WALK)} FROM reconciliation_walks
        WHERE next_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
        ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
        """,
        now,
    )
    return None if row is None else Walk(**{**dict(row), "kind": WalkKind(row["kind"])})


async def keep_walk(conn: Connection, walk: Walk, *, held: datetime | None) -> bool:
    """Write a walk as it now is; False where its lease had run out and another worker has gone on with it."""
    names = [name for name in _WALK if name != "kind"]
    settings = ", ".join(f"{name} = ${place}" for place, name in enumerate(names, start=3))
    done = await conn.execute(
        f"UPDATE reconciliation_walks SET {settings} WHERE kind = $1 AND leased_until IS NOT DISTINCT FROM $2",
        walk.kind,
        held,
        *(getattr(walk, name) for name in names),
    )
    return bool(done == "UPDATE 1")


async def last_walk(conn: Connection, kind: WalkKind) -> Walk | None:
    """Fetch where a walk is; None where none was begun yet."""
    row = await conn.fetchrow(f"SELECT {', '.join(_WALK)} FROM reconciliation_walks WHERE kind = $1", kind)
    return None if row is None else Walk(**{**dict(row), "kind": WalkKind(row["kind"])})


# --- Rows -----------------------------------------------------------------------------------------------


async def books_of(conn: Connection, order_nos: Collection[OrderNo]) -> dict[str, OurBooks]:
    """Fetch what our books have of these orders, those that are ours."""
    rows = await conn.fetch(
        """
        SELECT o.order_no, p.payment_key, p.status, p.approved_at, p.last_transaction_key,
               (SELECT array_agg(c.transaction_key) FROM payment_cancels c
                WHERE c.payment_id = p.id AND c.transaction_key IS NOT NULL) AS cancel_keys,
               (SELECT jsonb_object_agg(s.payment_key, s.returned_at IS NOT NULL) FROM strays s
                WHERE s.payment_id = p.id) AS returned
        FROM orders o LEFT JOIN payments p ON p.order_id = o.id WHERE o.order_no = ANY ($1)
        """,
        list(set(order_nos)),
    )
    return {row["order_no"]: _books(row) for row in rows}


def _books(row: Any) -> OurBooks:
    keys = {*(row["cancel_keys"] or []), row["last_transaction_key"]} - {None}
    return OurBooks(
        payment_key=row["payment_key"],
        status=row["status"],
        approved_at=row["approved_at"],
        transaction_keys=frozenset(keys),
        returned=row["returned"] or {},
    )


async def add_differences(conn: Connection, rows: Sequence[Row], now: datetime) -> int:
    """Note rows that our books do not explain, to be read; those that were noted before stay as they are."""
    done: str = await conn.execute(
        """
        INSERT INTO reconciliation_differences
            (id, transaction_key, payment_key, order_no, status, amount_krw, transaction_at, found_at, next_read_at)
        SELECT *, $8::timestamptz, $8::timestamptz
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[])
        ON CONFLICT (transaction_key) DO NOTHING
        """,
        *_columns(rows),
        now,
    )
    return int(done.removeprefix("INSERT 0 "))


async def note_unknown(conn: Connection, rows: Sequence[Row], now: datetime) -> int:
    """Note payments of no order of ours, each as its newest row shows it; return how many are new.

    Toss tells seconds: of rows of one second the one counts whose state comes last in a payment's life.
    """
    found = await conn.fetch(
        f"""
        INSERT INTO unknown_payments AS known
            (id, transaction_key, payment_key, order_no, status, amount_krw, transaction_at, found_at, looks_ours)
        SELECT DISTINCT ON (payment_key) id, transaction_key, payment_key, order_no, status, amount_krw,
               transaction_at, $8::timestamptz, looks_ours
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[],
                    $9::boolean[])
             AS told (id, transaction_key, payment_key, order_no, status, amount_krw, transaction_at, looks_ours)
        ORDER BY payment_key, transaction_at DESC, {_PLACE.format("status")} DESC
        ON CONFLICT (payment_key) DO UPDATE
        SET transaction_key = excluded.transaction_key, status = excluded.status, amount_krw = excluded.amount_krw,
            transaction_at = excluded.transaction_at
        WHERE (excluded.transaction_at, {_PLACE.format("excluded.status")})
            > (known.transaction_at, {_PLACE.format("known.status")})
        RETURNING found_at = $8 AS is_new
        """,
        *_columns(rows),
        now,
        [looks_like_ours(row.order_no) for row in rows],
    )
    return sum(row["is_new"] for row in found)


def _columns(rows: Sequence[Row]) -> list[list[Any]]:
    return [
        [new_uuid() for _ in rows],
        [row.transaction_key for row in rows],
        [row.payment_key for row in rows],
        [row.order_no for row in rows],
        [row.status for row in rows],
        [row.amount_krw for row in rows],
        [row.at for row in rows],
    ]


# --- Differences ----------------------------------------------------------------------------------------


async def hold_reading(conn: Connection) -> None:
    """Let nobody else claim differences until the transaction ends: what was read is counted over all workers."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtext('reconciliation_differences'))")


async def reads_since(conn: Connection, since: datetime) -> int:
    """Count the payments that were read because of differences."""
    found: int = await conn.fetchval("SELECT count(*) FROM reconciliation_differences WHERE last_read_at >= $1", since)
    return found


async def claim_differences(conn: Connection, now: datetime, *, lease_until: datetime, limit: int) -> list[Difference]:
    """Take differences that are due to be read, the newest first: one for each payment, as one read shows all of it."""
    rows = await conn.fetch(
        """
        UPDATE reconciliation_differences SET next_read_at = $2, last_read_at = $1, reads = reads + 1
        WHERE transaction_key IN (
            SELECT DISTINCT ON (payment_key) transaction_key FROM (
                SELECT transaction_key, payment_key, transaction_at FROM reconciliation_differences
                WHERE next_read_at <= $1 ORDER BY transaction_at DESC LIMIT $3) due
            ORDER BY payment_key, transaction_at DESC)
        RETURNING transaction_key, payment_key, order_no, status, amount_krw, transaction_at AS at, reads
        """,
        now,
        lease_until,
        limit,
    )
    return [_difference(row) for row in rows]


def _difference(row: Any) -> Difference:
    told = {name: row[name] for name in ("transaction_key", "status", "amount_krw", "at")}
    return Difference(
        row=Row(**told, payment_key=PaymentKey(row["payment_key"]), order_no=OrderNo(row["order_no"])),
        reads=row["reads"] - 1,
    )


async def open_of_payment(conn: Connection, payment_key: PaymentKey) -> list[Difference]:
    """Fetch and hold the differences of a payment that are still to be settled."""
    rows = await conn.fetch(
        """
        SELECT transaction_key, payment_key, order_no, status, amount_krw, transaction_at AS at,
               greatest(reads, 1) AS reads
        FROM reconciliation_differences WHERE payment_key = $1 AND next_read_at IS NOT NULL
        ORDER BY transaction_key FOR UPDATE
        """,
        payment_key,
    )
    return [_difference(row) for row in rows]


async def settle(conn: Connection, transaction_key: str, now: datetime) -> None:
    """Note that our books explain a row, or that ``learn`` has judged it: it is not read again."""
    await conn.execute(
        """
        UPDATE reconciliation_differences SET next_read_at = NULL, settled_at = $2, unexplained_at = NULL
        WHERE transaction_key = $1
        """,
        transaction_key,
        now,
    )


async def read_again(conn: Connection, transaction_key: str, at: datetime) -> None:
    await conn.execute(
        "UPDATE reconciliation_differences SET next_read_at = $2 WHERE transaction_key = $1", transaction_key, at
    )


async def not_read(conn: Connection, transaction_key: str, at: datetime) -> None:
    """Take back a read that did not hear Toss."""
    await conn.execute(
        """
        UPDATE reconciliation_differences SET next_read_at = $2, reads = reads - 1
        WHERE transaction_key = $1 AND reads > 0
        """,
        transaction_key,
        at,
    )


async def give_up(conn: Connection, transaction_key: str, now: datetime) -> None:
    """Leave a row that no read explains to a person."""
    await conn.execute(
        """
        UPDATE reconciliation_differences SET next_read_at = NULL, unexplained_at = $2 WHERE transaction_key = $1
        """,
        transaction_key,
        now,
    )


async def forget_settled(conn: Connection, before: datetime) -> None:
    """Delete what was settled long before any walk could come upon it again."""
    await conn.execute("DELETE FROM reconciliation_differences WHERE settled_at < $1", before)
