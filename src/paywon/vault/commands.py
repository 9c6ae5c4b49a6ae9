"""Sealing everything anew under the first key of the ring, a page at a time, while the service works on."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from paywon.base.sealing import CannotOpen, KeyRing, SealedColumn
from paywon.db.pool import Database
from paywon.vault import store
from paywon.vault.model import SEALED_COLUMNS, Census, Rotation
from paywon.vault.store import Resealed, SealedRow

PAGE: Final = 200
# Rows that are held as a page passes are met in the next round; nobody holds one for longer than a transaction.
ROUNDS: Final = 5
_BETWEEN_ROUNDS_S: Final = 0.5


async def take_census(db: Database) -> list[Census]:
    """Count the rows of every sealed column by the key that seals them."""
    async with db.connection() as conn:
        return [await store.census(conn, column) for column in SEALED_COLUMNS]


async def rotate(
    db: Database, ring: KeyRing, *, on_page: Callable[[SealedColumn, Rotation], None] = lambda *_: None
) -> Rotation:
    """Seal anew what another key than the first one seals. Cut off at any moment, it is gone on with by the next run.

    Each page is a short transaction. The bytes of a row and its keyed digest change together, and what is sealed
    under either key opens in every process that has both, so nobody notices.
    """
    rotation = Rotation()
    for number in range(ROUNDS):
        if number:
            await asyncio.sleep(_BETWEEN_ROUNDS_S)
        rotation.shut.clear()
        for column in SEALED_COLUMNS:
            await _rotate_column(db, ring, column, rotation, on_page)
        left = sum(found.not_under(ring.names[0]) for found in await take_census(db))
        if left <= sum(rotation.shut.values()):
            break
    return rotation


async def _rotate_column(
    db: Database,
    ring: KeyRing,
    column: SealedColumn,
    rotation: Rotation,
    on_page: Callable[[SealedColumn, Rotation], None],
) -> None:
    after: tuple[Any, ...] | None = None
    while True:
        async with db.transaction() as conn:
            rows = await store.stale_page(conn, column, ring.head, after=after, limit=PAGE)
            opened = [new for row in rows if (new := _resealed(ring, column, row)) is not None]
            await store.replace(conn, column, opened)
        if not rows:
            return
        after = rows[-1].key
        rotation.resealed += len(opened)
        if shut := len(rows) - len(opened):
            rotation.shut[column] = rotation.shut.get(column, 0) + shut
        on_page(column, rotation)


def _resealed(ring: KeyRing, column: SealedColumn, row: SealedRow) -> Resealed | None:
    """Seal a row's bytes under the first key; None where no key of the ring opens them."""
    purpose = column.purpose(*row.key)
    try:
        plain = ring.open(row.sealed, purpose=purpose)
    except CannotOpen:
        return None
    digest = ring.digest(plain.decode(), purpose=column.digest_purpose) if column.digest_column else None
    return Resealed(row, ring.seal(plain, purpose=purpose), digest)
