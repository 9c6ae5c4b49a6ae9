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
from paywon.db.pool import Database
from paywon.operators.commands import create_api_key, list_api_keys, revoke_api_key
from paywon.operators.model import ApiKey, Scope
from paywon.settings import Settings
from paywon.terminal.checks import check_database
from paywon.terminal.trouble import Trouble

ALL: Final = "all"


def create(settings: Settings, *, name: str, scopes: list[str], days: int | None) -> None:
    """Make a key and print it, and nothing else on standard output, so that a script can catch it.

    Raises:
        Trouble: an unknown scope, or a database that is not as it has to be.
    """
    wanted = list(Scope) if ALL in scopes else scopes
    unknown = [scope for scope in wanted if scope not in set(Scope)]
    if unknown:
        every = ", ".join([ALL, *Scope])
        raise Trouble(
            f"없는 권한입니다: {', '.join(unknown)}. 고를 수 있는 것: {every}", "unknown scope; choose from those"
        )
    key = asyncio.run(_create(settings, name, [str(scope) for scope in wanted], days))
    Console(stderr=True).print("다시 볼 수 없으니 지금 보관하세요 / this key is shown only once; keep it now")
    Console(soft_wrap=True, highlight=False).print(escape(key))


def show(settings: Settings) -> None:
    """Print all keys, oldest first.

    Raises:
        Trouble: the database is not as it has to be.
    """
    table = Table("id", "이름 / name", "키 / key", "권한 / scopes", "만든 때 / created", "상태 / state")
    now = SystemClock().now()
    for key in asyncio.run(_list(settings)):
        scopes = ALL if set(key.scopes) == set(Scope) else " ".join(key.scopes)
        table.add_row(
            str(key.id), escape(key.name), f"{key.prefix}…", scopes, _minute(key.created_at), _state(key, now)
        )
    Console().print(table)


def revoke(settings: Settings, key_id: str) -> None:
    """Revoke a key for good.

    Raises:
        Trouble: there is no such key to revoke, or the database is not as it has to be.
    """
    try:
        known = asyncio.run(_revoke(settings, ApiKeyId(UUID(key_id))))
    except ValueError:
        known = False
    if not known:
        raise Trouble(
            f"폐기할 키 {key_id} 가 없습니다. paywon keys list의 id를 쓰세요",
            f"there is no key {key_id} to revoke; take an id from paywon keys list",
        )
    Console().print("폐기했습니다 / revoked")


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    await check_database(settings.database_url)
    db = await Database.connect(settings.database_url, max_connections=2, application_name="paywon-keys")
    try:
        yield db
    finally:
        await db.close()


async def _create(settings: Settings, name: str, scopes: list[str], days: int | None) -> str:
    clock = SystemClock()
    expires_at = None if days is None else clock.now() + timedelta(days=days)
    async with _database(settings) as db:
        return await create_api_key(db, name=name, scopes=scopes, expires_at=expires_at, clock=clock)


async def _list(settings: Settings) -> list[ApiKey]:
    async with _database(settings) as db:
        return await list_api_keys(db)


async def _revoke(settings: Settings, key_id: ApiKeyId) -> bool:
    async with _database(settings) as db:
        return await revoke_api_key(db, key_id=key_id, clock=SystemClock())


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"폐기 / revoked {_minute(key.revoked_at)}"
    if not key.usable(now):
        return "만료 / expired"
    return "사용 중 / in use" if key.expires_at is None else f"~ {_minute(key.expires_at)}"


def _minute(time: datetime) -> str:
    return f"{time.astimezone():%Y-%m-%d %H:%M}"
