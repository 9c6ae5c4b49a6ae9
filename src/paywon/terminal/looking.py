"""``paywon invariants`` and ``paywon audit verify``: are the books right, and has anybody touched the trail?"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from paywon.audit.commands import Verification, verify
from paywon.audit.model import Break, Seal
from paywon.db.clock import database_clock
from paywon.db.pool import LONG_COMMANDS, Database
from paywon.invariants.commands import look_at_all
from paywon.invariants.model import HELD_BY_CODE, WORDS, Finding, Invariant, Run
from paywon.settings import DatabaseSettings
from paywon.terminal.checks import check_database
from paywon.terminal.trouble import Trouble


def show_invariants(settings: DatabaseSettings, *, as_json: bool) -> bool:
    """Look at every invariant now and print what was found; answer whether all hold.

    Raises:
        Trouble: the database is not as it has to be.
    """
    with Console(stderr=True).status("불변식 / invariants …") as status:
        run = asyncio.run(_look(settings, status))
    if as_json:
        from paywon.invariants.api import run_out  # Litestar takes a while to import

        sys.stdout.write(msgspec.json.encode(run_out(run)).decode() + "\n")
    else:
        _print_run(run)
    return run.holds


def verify_trail(settings: DatabaseSettings, *, anchor: str | None, expected: str | None) -> bool:
    """Verify the audit trail's chains and print what was found; answer whether they are whole, and as expected.

    Raises:
        Trouble: an id or a seal that is none, or the database is not as it has to be.
    """
    owner, seal = _read_anchor(anchor), _read_seal(expected)
    console = Console(highlight=False, soft_wrap=True)
    with Console(stderr=True).status("감사 기록 / audit trail …") as status:
        verified = asyncio.run(_verify(settings, console, status, owner, seal))
    console.print(
        f"사슬 / chains {verified.chains:,}, 줄 / rows {verified.rows:,}, 끊긴 곳 / breaks {verified.breaks:,}"
    )
    same = seal is None or str(seal) == str(verified.seal)
    if verified.seal is not None:
        console.print(f"봉인 / seal {verified.seal}")
    if not same:
        console.print(
            f"[red]✗[/] 봉인이 다릅니다: 사슬을 다시 만든 사람이 있습니다 / another seal was expected: {seal}"
        )
    return verified.breaks == 0 and same


async def _look(settings: DatabaseSettings, status: Status) -> Run:
    def tell(invariant: Invariant) -> None:
        status.update(f"{invariant} {WORDS[invariant].ko} / {WORDS[invariant].en}")

    async with _database(settings) as db:
        run = await look_at_all(db, await database_clock(db), origin="command", on_start=tell)
    assert run is not None, "nobody stops it"
    return run


async def _verify(
    settings: DatabaseSettings, console: Console, status: Status, owner: UUID | None, seal: Seal | None
) -> Verification:
    def tell(found: Break) -> None:
        row = found.row_id or f"{found.position}번째 줄 / row number {found.position}"
        console.print(f"[red]✗[/] {found.kind}: payment {found.anchor}, {row}")

    def go_on(so_far: Verification) -> None:
        status.update(f"감사 기록 / audit trail … {so_far.rows:,}")

    async with _database(settings) as db:
        until = seal.until if seal is not None else None
        return await verify(db, await database_clock(db), anchor=owner, until=until, on_break=tell, on_page=go_on)


@asynccontextmanager
async def _database(settings: DatabaseSettings) -> AsyncIterator[Database]:
    await check_database(settings.database_url)
    db = await Database.connect(
        settings.database_url, max_connections=2, application_name="paywon-looking", patience=LONG_COMMANDS
    )
    try:
        yield db
    finally:
        await db.close()


def _print_run(run: Run) -> None:
    console = Console()
    table = Table("", "", "불변식\ninvariant", box=None, padding=(0, 1))
    for heading in ("본 줄\nrows", "위반\nbroken", "\nms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for finding in run.findings:
        words = WORDS[finding.invariant]
        says = f"{words.ko}\n[dim]{words.en}[/]"
        table.add_row(_tick(finding), finding.invariant, says, *_figures(finding))
    console.print(table)
    for finding in run.findings:
        _print_samples(console, finding)


def _tick(finding: Finding) -> str:
    if finding.trouble is not None:
        return "[yellow]?[/]"
    return "[green]✓[/]" if finding.holds else "[red]✗[/]"


def _figures(finding: Finding) -> tuple[str, str, str]:
    if finding.invariant in HELD_BY_CODE:
        return "코드 / code", "-", "-"
    checked = "-" if finding.checked is None else f"{finding.checked:,}"
    return checked, f"{finding.violations:,}", f"{finding.elapsed_ms:,}"


def _print_samples(console: Console, finding: Finding) -> None:
    if finding.trouble is not None:
        console.print(
            f"{finding.invariant}: 보지 못했습니다 / not looked at: {escape(finding.trouble)}", soft_wrap=True
        )
    for sample in finding.samples:
        console.print(f"{finding.invariant}: {escape(sample.subject)}: {escape(sample.detail)}", soft_wrap=True)
    if (more := finding.violations - len(finding.samples)) > 0:
        console.print(f"{finding.invariant}: … {more:,}")


def _read_anchor(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        raise Trouble(f"결제의 id가 아닙니다: {text}", "that is no payment's id") from None


def _read_seal(text: str | None) -> Seal | None:
    try:
        return None if text is None else Seal.parse(text)
    except ValueError as error:
        raise Trouble(f"봉인이 아닙니다: {text}", str(error)) from None
