"""All SQL about sealed bytes, whatever table they are in; names of tables and columns come from ``SealedColumn``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from paywon.base.sealing import SealedColumn, key_name_of
from paywon.db.pool import Connection
from paywon.vault.model import Census

# Nothing finds sealed rows by an index: a large table is read through, once.
_PATIENCE_S: Final = 600


@dataclass(frozen=True, slots=True)
class SealedRow:
    """One row's primary key and what is sealed in it."""

    key: tuple[Any, ...]
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Resealed:
    """What a row's sealed bytes become; ``digest`` is None where the column has none."""

    row: SealedRow
    sealed: bytes
    digest: bytes | None


async def census(conn: Connection, column: SealedColumn) -> Census:
    """Count a column's rows by the key that seals them."""
    rows = await conn.fetch(
        f"""
        SELECT substring({column.column} FROM 1 FOR 5) AS head, count(*) AS number
        FROM {column.table} WHERE {column.column} IS NOT NULL GROUP BY 1
        """,
        timeout=_PATIENCE_S,
    )
    return Census(column=column, rows={key_name_of(row["head"]): row["number"] for row in rows})


async def stale_page(
    conn: Connection, column: SealedColumn, head: bytes, *, after: tuple[Any, ...] | None, limit: int
) -> list[SealedRow]:
    """Fetch and hold a page of rows that another key than ``head``'s seals, in the order of their primary keys.

    A row that somebody holds is left out: whoever holds it is about to change it.
    """
    keys = ", ".join(column.key)
    marks = ", ".join(f"${place}" for place in range(3, 3 + len(column.key)))
    beyond = f"AND ({keys}) > ({marks})" if after is not None else ""
    rows = await conn.fetch(
        f"""
        SELECT {keys}, {column.column} FROM {column.table}
        WHERE {column.column} IS NOT NULL AND substring({column.column} FROM 1 FOR 5) <> $1 {beyond}
        ORDER BY {keys} LIMIT $2 FOR UPDATE SKIP LOCKED
        """,
        head,
        limit,
        *(after or ()),
        timeout=_PATIENCE_S,
    )
    return [SealedRow(tuple(row[name] for name in column.key), row[column.column]) for row in rows]


async def replace(conn: Connection, column: SealedColumn, resealed: Sequence[Resealed]) -> None:
    """Write what the held rows' sealed bytes, and their digests, become."""
    digest = f", {column.digest_column} = $2" if column.digest_column else ""
    first = 3 if column.digest_column else 2
    same = " AND ".join(f"{name} = ${place}" for place, name in enumerate(column.key, start=first))
    await conn.executemany(
        f"UPDATE {column.table} SET {column.column} = $1{digest} WHERE {same}",
        [(new.sealed, *([new.digest] if column.digest_column else []), *new.row.key) for new in resealed],
    )
