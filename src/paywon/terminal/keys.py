"""``paywon keys``: API keys from the terminal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from paywon.base.clock import SystemClock
from paywon.base.ids import ApiKeyId
from paywon.db.clock import database_clock
from paywon.db.pool import Database
from paywon.operators.commands import create_api_key, list_api_keys, revoke_api_key, rotate_api_key
from paywon.operators.model import ApiKey, Scope
from paywon.settings import DatabaseSettings
from paywon.terminal.checks import check_database
from paywon.terminal.trouble import Trouble, check_readable

ALL: Final = "all"
_WHOLE_TABLE: Final = 200


def create(settings: DatabaseSettings, *, name: str, scopes: list[str], days: int | None) -> None:
    """Make a key and print it, and nothing else on standard output, so that a script can catch it.

    Raises:
        Trouble: a name that nobody can read, an unknown scope, or a database that is not as it has to be.
    """
    check_readable(name, "이름 / the name")
    wanted = list(Scope) if ALL in scopes else scopes
    unknown = [scope for scope in wanted if scope not in set(Scope)]
    if unknown:
        every = ", ".join([ALL, *Scope])
        raise Trouble(
            f"없는 권한입니다: {', '.join(unknown)}. 고를 수 있는 것: {every}", "unknown scope; choose from those"
        )
    _show_once(asyncio.run(_create(settings, name, [str(scope) for scope in wanted], days)))


def show(settings: DatabaseSettings) -> None:
    """Print all keys, oldest first.

    Raises:
        Trouble: the database is not as it has to be.
    """
    heads = "이름 / name", "키 / key", "권한 / scopes", "만든 때 / created", "쓴 때 / last used", "만료 / expires"
    table = Table("id", *heads, "상태 / state")
    now = SystemClock().now()
    for key in asyncio.run(_list(settings)):
        scopes = ALL if set(key.scopes) == set(Scope) else " ".join(key.scopes)
        times = [_minute(time) for time in (key.created_at, key.last_used_at, key.expires_at)]
        table.add_row(str(key.id), escape(key.name), f"{key.prefix}…", scopes, *times, _state(key, now))
    console = Console()
    # Lines that break are ugly, but an id that is cut can neither be rotated nor revoked.
    console.width = max(console.width, _WHOLE_TABLE)
    console.print(table)


def rotate(settings: DatabaseSettings, key_id: str, *, overlap_hours: int) -> None:
    """Put a new key into another one's place and print it, as ``create`` does; the old one ends after the overlap.

    Raises:
        Trouble: there is no such key to rotate, or the database is not as it has to be.
    """
    known = _id_of(key_id)
    key = None if known is None else asyncio.run(_rotate(settings, known, timedelta(hours=overlap_hours)))
    if key is None:
        raise Trouble(
            f"교체할 키 {key_id} 가 없습니다: 없거나, 끝났거나, 이미 교체한 키입니다. paywon keys list를 보세요",
            f"there is no key {key_id} to rotate: none, ended, or rotated before; see paywon keys list",
        )
    ends = f"옛 키는 {overlap_hours}시간 뒤 만료됩니다 / the old key ends in {overlap_hours} h"
    Console(stderr=True).print(ends)
    _show_once(key)


def revoke(settings: DatabaseSettings, key_id: str) -> None:
    """Revoke a key for good.

    Raises:
        Trouble: there is no such key to revoke, or the database is not as it has to be.
    """
    known = _id_of(key_id)
    if known is None or not asyncio.run(_revoke(settings, known)):
        raise Trouble(
            f"폐기할 키 {key_id} 가 없습니다. paywon keys list의 id를 쓰세요",
            f"there is no key {key_id} to revoke; take an id from paywon keys list",
        )
    Console().print("폐기했습니다 / revoked")


def _show_once(key: str) -> None:
    Console(stderr=True).print("다시 볼 수 없으니 지금 보관하세요 / this key is shown only once; keep it now")
    Console(soft_wrap=True, highlight=False).print(escape(key))


def _id_of(text: str) -> ApiKeyId | None:
    try:
        return ApiKeyId(UUID(text))
    except ValueError:
        return None


@asynccontextmanager
async def _database(settings: DatabaseSettings) -> AsyncIterator[Database]:
    await check_database(settings.database_url)
    db = await Database.connect(settings.database_url, max_connections=2, application_name="paywon-keys")
    try:
        yield db
    finally:
        await db.close()


async def _create(settings: DatabaseSettings, name: str, scopes: list[str], days: int | None) -> str:
    async with _database(settings) as db:
        clock = await database_clock(db)
        expires_at = None if days is None else clock.now() + timedelta(days=days)
        return await create_api_key(db, name=name, scopes=scopes, expires_at=expires_at, clock=clock)


async def _list(settings: DatabaseSettings) -> list[ApiKey]:
    async with _database(settings) as db:
        return await list_api_keys(db)


async def _rotate(settings: DatabaseSettings, key_id: ApiKeyId, overlap: timedelta) -> str | None:
    async with _database(settings) as db:
        return await rotate_api_key(db, key_id=key_id, overlap=overlap, clock=await database_clock(db))


async def _revoke(settings: DatabaseSettings, key_id: ApiKeyId) -> bool:
    async with _database(settings) as db:
        return await revoke_api_key(db, key_id=key_id, clock=await database_clock(db))


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"폐기 / revoked {_minute(key.revoked_at)}"
    if not key.usable(now):
        return "만료 / expired"
    return "교체됨 / rotated" if key.rotated_at is not None else "사용 중 / in use"


def _minute(time: datetime | None) -> str:
    return "-" if time is None else f"{time.astimezone():%Y-%m-%d %H:%M}"
