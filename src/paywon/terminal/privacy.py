"""``paywon privacy forget``: shows what would go, or makes it go."""

import asyncio
import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from paywon.base.ids import UserId
from paywon.db.clock import database_clock
from paywon.db.pool import LONG_COMMANDS, Database
from paywon.privacy.commands import forget, look
from paywon.privacy.model import Report
from paywon.settings import SealSettings
from paywon.terminal.checks import check_database
from paywon.terminal.trouble import Trouble, check_readable


def forget_user(settings: SealSettings, user: str, *, operator: str | None, really: bool) -> bool:
    """Forget a user, or say what that would come to; answer whether it was, or could be, done.

    Raises:
        Trouble: nothing is known of this user, or the database is not as it has to be.
    """
    operator = operator or getpass.getuser()
    check_readable(operator, "--operator")
    console = Console(highlight=False, soft_wrap=True)
    with Console(stderr=True).status("찾는 중 / looking …") as status:
        report = asyncio.run(_run(settings, status, UserId(user), operator, really=really))
    if not report.known:
        raise Trouble(
            "그런 사용자의 주문, 결제, 빌링키가 없습니다. id를 확인하세요",
            "there is no order, payment or billing key of such a user; check the id",
        )
    _print(console, report, really=really)
    return not report.under_way


async def _run(settings: SealSettings, status: Status, user: UserId, operator: str, *, really: bool) -> Report:
    def go_on(done: int, of: int) -> None:
        status.update(f"주문 / orders {done:,} / {of:,}")

    async with _database(settings) as db:
        if not really:
            return await look(db, settings.ring, user)
        return await forget(db, await database_clock(db), settings.ring, user, operator=operator, on_order=go_on)


@asynccontextmanager
async def _database(settings: SealSettings) -> AsyncIterator[Database]:
    await check_database(settings.database_url)
    db = await Database.connect(
        settings.database_url, max_connections=1, application_name="paywon-privacy", patience=LONG_COMMANDS
    )
    try:
        yield db
    finally:
        await db.close()


def _print(console: Console, report: Report, *, really: bool) -> None:
    if report.under_way:
        console.print(
            "[yellow]![/] 아직 끝나지 않은 일이 있어 잊을 수 없습니다. 끝난 뒤 다시 하세요(빌링키는 먼저 삭제) / "
            "something is still under way; let it end, delete billing keys, and run this again:"
        )
        for item in report.under_way:
            console.print(f"  {escape(item.what)}  {escape(item.subject)}")
        return
    table = Table("", box=None, padding=(0, 1))
    table.add_column("바뀐 줄 / rows changed" if report.act else "줄 / rows", justify="right")
    for name, number in sorted(report.rows.items()):
        if number:
            table.add_row(name, f"{number:,}")
    console.print(table)
    console.print(f"가명 / pseudonym {report.pseudonym}")
    if report.act is not None:
        changed = sum(report.rows.values())
        done = "잊었습니다 / forgotten" if changed else "이미 잊은 사용자입니다 / had been forgotten before"
        console.print(f"[green]✓[/] {done}. 기록 / on record: privacy_acts {report.act.id}")
    elif not really:
        console.print("아무것도 바꾸지 않았습니다. --yes를 붙이면 잊습니다 / nothing was changed; add --yes to forget")
