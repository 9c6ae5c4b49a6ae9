"""``paywon secrets rotate``: everything that is sealed, under the first key of PAYWON_SECRET_KEYS."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console
from rich.status import Status
from rich.table import Table

from paywon.base.sealing import KeyRing, SealedColumn
from paywon.db.pool import LONG_COMMANDS, Database
from paywon.settings import SealSettings
from paywon.terminal.checks import check_database
from paywon.vault.commands import rotate, take_census
from paywon.vault.model import Census, Rotation


def rotate_seals(settings: SealSettings, *, check_only: bool) -> bool:
    """Seal everything anew, or only count; answer whether the first key now seals all of it.

    Raises:
        Trouble: the database is not as it has to be.
    """
    console = Console(highlight=False, soft_wrap=True)
    with Console(stderr=True).status("봉인 / seals …") as status:
        found, rotation = asyncio.run(_rotate(settings, status, check_only=check_only))
    _print_census(console, settings.ring, found)
    if rotation is not None:
        console.print(f"다시 봉함 / sealed anew: {rotation.resealed:,}")
        for column, rows in rotation.shut.items():
            console.print(
                f"[red]✗[/] {column.table}.{column.column} {rows:,}: PAYWON_SECRET_KEYS의 어느 키로도 열리지 않습니다. "
                "그 키를 뒤에 더해 다시 실행하세요 / no key of PAYWON_SECRET_KEYS opens these; add theirs, run again"
            )
    left = sum(census.not_under(settings.ring.names[0]) for census in found)
    console.print(_verdict(left, old_keys=len(settings.ring.names) - 1))
    return left == 0


async def _rotate(settings: SealSettings, status: Status, *, check_only: bool) -> tuple[list[Census], Rotation | None]:
    def go_on(column: SealedColumn, rotation: Rotation) -> None:
        status.update(f"{column.table}.{column.column} … {rotation.resealed:,}")

    async with _database(settings) as db:
        rotation = None if check_only else await rotate(db, settings.ring, on_page=go_on)
        return await take_census(db), rotation


@asynccontextmanager
async def _database(settings: SealSettings) -> AsyncIterator[Database]:
    await check_database(settings.database_url)
    db = await Database.connect(
        settings.database_url, max_connections=1, application_name="paywon-secrets", patience=LONG_COMMANDS
    )
    try:
        yield db
    finally:
        await db.close()


def _print_census(console: Console, ring: KeyRing, found: list[Census]) -> None:
    """Show a column for each key: those of the ring, in its order, and then those that it lacks."""
    strange = sorted({name for census in found for name in census.rows} - set(ring.names))
    table = Table("", box=None, padding=(0, 1))
    for place, name in enumerate(ring.names):
        table.add_column(f"{'봉함 / seals' if place == 0 else '엶 / opens'}\n{name}", justify="right")
    for name in strange:
        table.add_column(f"[red]없는 키 / missing[/]\n{name}", justify="right")
    for census in found:
        counts = [f"{census.rows.get(name, 0):,}" for name in [*ring.names, *strange]]
        table.add_row(f"{census.column.table}.{census.column.column}", *counts)
    console.print(table)


def _verdict(left: int, *, old_keys: int) -> str:
    if left:
        return (
            f"[yellow]![/] 다른 키로 봉한 것이 {left:,}개 남았습니다. 옛 키를 아직 지우지 마세요 / "
            f"{left:,} are still sealed by another key; keep the old ones"
        )
    if old_keys:
        return (
            "[green]✓[/] 모두 첫 키로 봉했습니다. 모든 serve와 worker가 이 PAYWON_SECRET_KEYS로 "
            "다시 시작한 뒤라면 옛 키를 지워도 됩니다 / "
            "the first key seals all of it; once every serve and worker was started again with this "
            "PAYWON_SECRET_KEYS, the old keys may go"
        )
    return "[green]✓[/] 모두 첫 키로 봉해져 있습니다 / the first key seals all of it"
