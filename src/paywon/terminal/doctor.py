"""``paywon doctor``: looks at everything that paywon depends on, and says what to do about what is wrong."""

import asyncio
import os
import shutil
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg
from rich.console import Console
from rich.markup import escape

from paywon import devfile
from paywon.base.sealing import KeyRing
from paywon.base.setting_types import told
from paywon.db.revision import revision_of, supported_by
from paywon.settings import TOSS_BASE_URL, Environment, Settings, SettingsError, load_settings, unknown_names
from paywon.terminal.checks import DATABASE_ERRORS, DatabaseState, connect, schema_trouble
from paywon.terminal.plan import dev_secret_keys, load_dev_settings, sandbox_client_key
from paywon.terminal.screen import padded
from paywon.terminal.trouble import Trouble, database_trouble
from paywon.toss.client import TossClient
from paywon.toss.keys import mode_of
from paywon.toss.outcome import No, NotSent
from paywon.vault.model import SEALED_COLUMNS
from paywon.vault.store import census

ROUND_TRIPS: Final = 5
MAX_SKEW_S: Final = 2.0
MIN_FREE_GB: Final = 1.0
PROBE_PAYMENT_KEY: Final = "paywon-doctor-no-such-payment"
_OF_A_SERVICE: Final = ("DATABASE_URL", "TOSS_PAYMENTS_SECRET_KEY", "PAYWON_SECRET_KEYS", "APP_BASE_URL")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; ``advice`` is None when all is well."""

    name: str
    found: str
    advice: str | None = None


def examine() -> bool:
    """Look at everything and show it; answer whether all is well."""
    try:
        settings, whence = _settings()
        findings = [Finding("설정 / settings", whence), *_names(), *asyncio.run(_examine(settings))]
    except (SettingsError, Trouble) as error:
        findings = [Finding("설정 / settings", "…", str(error)), *_names(), *_disk(Path())]
    _show(findings)
    return all(finding.advice is None for finding in findings)


def _settings() -> tuple[Settings, str]:
    """Answer the settings of the environment, or else those of the ``paywon dev`` that ran here last."""
    try:
        return load_settings(), "환경 변수와 .env / environment and .env"
    except SettingsError:
        home = load_dev_settings().home
        dev = devfile.read_dev_file(home)
        if dev is None or any(name in os.environ for name in _OF_A_SERVICE):
            raise  # whoever has begun to say how a service runs wants to know what is missing
    values: dict[str, Any] = {
        "PAYWON_ENV": Environment.DEVELOPMENT,
        "DATABASE_URL": dev.database_url,
        "TOSS_PAYMENTS_SECRET_KEY": dev.toss_secret_key,
        "TOSS_PAYMENTS_CLIENT_KEY": sandbox_client_key(dev.toss_secret_key) if dev.sandbox_url else None,
        "TOSS_PAYMENTS_BASE_URL": dev.sandbox_url or TOSS_BASE_URL,
        "PAYWON_SANDBOX_URL": dev.sandbox_url,
        "PAYWON_HOME": home,
        "PAYWON_SECRET_KEYS": dev_secret_keys(home),
    }
    return Settings(**values), f"paywon dev: {home / devfile.NAME}"


def _names() -> list[Finding]:
    """Whether a setting was mistyped: then it is as if it had not been set."""
    unknown = unknown_names(os.environ)
    return [Finding("설정 이름 / names", ", ".join(unknown), told(unknown))] if unknown else []


async def _examine(settings: Settings) -> list[Finding]:
    database, toss, sandbox = await asyncio.gather(_database(settings), _toss(settings), _sandbox(settings))
    return [*database, toss, _client_key(settings), *sandbox, *_disk(settings.home)]


async def _database(settings: Settings) -> list[Finding]:
    url = settings.database_url
    try:
        conn = await connect(url)
        try:
            schema = await _revision(conn)
            seals = [await _seals(conn, settings.ring)] if schema.advice is None else []
            return [await _round_trip(conn), schema, *seals, await _clock(conn)]
        finally:
            await conn.close()
    except Trouble as trouble:
        return [Finding("데이터베이스 / database", "-", str(trouble))]
    except DATABASE_ERRORS as error:
        return [Finding("데이터베이스 / database", "-", str(database_trouble(error, url)))]


async def _round_trip(conn: "asyncpg.Connection[asyncpg.Record]") -> Finding:
    times_ms = []
    for _ in range(ROUND_TRIPS):
        began = time.perf_counter()
        await conn.fetchval("SELECT 1")
        times_ms.append((time.perf_counter() - began) * 1000)
    version = conn.get_server_version()
    name = f"PostgreSQL {version.major}.{version.minor}"
    return Finding("데이터베이스 / database", f"{name}, 왕복 / round trip {statistics.median(times_ms):.1f} ms")


async def _revision(conn: "asyncpg.Connection[asyncpg.Record]") -> Finding:
    found = await revision_of(conn)
    trouble = schema_trouble(DatabaseState("", found, await supported_by(conn, found)))
    return Finding("스키마 / schema", str(found or "-"), None if trouble is None else str(trouble))


async def _seals(conn: "asyncpg.Connection[asyncpg.Record]", ring: KeyRing) -> Finding:
    """Whether all that is sealed in the database can be opened with the keys that we have."""
    shut = 0
    for column in SEALED_COLUMNS:
        rows = (await census(conn, column)).rows
        shut += sum(count for name, count in rows.items() if name not in ring.names)
    advice = (
        f"{shut:,}줄을 열 키가 PAYWON_SECRET_KEYS에 없습니다 / PAYWON_SECRET_KEYS lacks the key of {shut:,} rows; "
        "paywon dev keeps its own in PAYWON_HOME/secret-keys"
    )
    return Finding("봉인 / seals", ", ".join(ring.names), advice if shut else None)


async def _clock(conn: "asyncpg.Connection[asyncpg.Record]") -> Finding:
    before = datetime.now(UTC)
    theirs: datetime = await conn.fetchval("SELECT clock_timestamp()")
    middle = before + (datetime.now(UTC) - before) / 2
    skew_s = (theirs - middle).total_seconds()
    advice = None
    if abs(skew_s) > MAX_SKEW_S:
        advice = "이 서버와 데이터베이스의 시계를 NTP로 맞추세요 / set the clocks of both machines by NTP"
    return Finding("시계 / clock", f"데이터베이스와의 차이 / off the database's by {skew_s * 1000:+.0f} ms", advice)


async def _toss(settings: Settings) -> Finding:
    """Read a payment that does not exist: only an accepted key is told so."""
    name = "토스페이먼츠 / Toss Payments"
    try:
        client = TossClient(
            base_url=settings.toss_base_url,
            secret_key=settings.toss_secret_key.get_secret_value(),
            connect_timeout_s=settings.connect_timeout_s,
            read_timeout_s=settings.read_timeout_s,
        )
    except ValueError as error:
        return Finding(name, settings.toss_base_url, f"설정을 고치세요 / mend the setting: {error}")
    async with client:
        answer = await client.read_payment(PROBE_PAYMENT_KEY)
    at = settings.toss_base_url
    code = getattr(answer, "code", None) or answer.kind
    if isinstance(answer, No) and code == "NOT_FOUND_PAYMENT":
        return Finding(name, f"{at}, 키가 유효합니다 / the key works, {answer.call.elapsed_ms} ms")
    if isinstance(answer, NotSent):
        advice = (
            f"연결되지 않습니다. 주소와 방화벽을 보세요 / cannot connect; check address and firewall ({answer.reason})"
        )
    elif answer.call.http_status in (401, 403):
        advice = f"키를 거절했습니다. TOSS_PAYMENTS_SECRET_KEY를 확인하세요 / the key is refused; check it ({code})"
    else:
        advice = f"뜻밖의 답입니다 / an unexpected answer: HTTP {answer.call.http_status} ({code})"
    return Finding(name, at, advice)


def _client_key(settings: Settings) -> Finding:
    """Show the key that front ends get; settings with one of another pair are not loaded at all."""
    mode = mode_of(settings.toss_secret_key.get_secret_value())
    shown = "-" if settings.toss_client_key is None else f"{settings.toss_client_key[:12]}…"
    return Finding("클라이언트 키 / client key", f"{shown} ({mode})")


async def _sandbox(settings: Settings) -> list[Finding]:
    if settings.sandbox_url is None:
        return []
    name, url = "샌드박스 / sandbox", settings.sandbox_url
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(f"{url}/sandbox/health") as reply,
        ):
            if reply.status == 200:
                return [Finding(name, url)]
            said = f"HTTP {reply.status}"
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        said = type(error).__name__
    return [
        Finding(
            name, url, f"답하지 않습니다. script/server로 실행하세요 / no answer; start it with script/server: {said}"
        )
    ]


def _disk(home: Path) -> Iterator[Finding]:
    there = next(folder for folder in (home.resolve(), *home.resolve().parents) if folder.exists())
    free_gb = shutil.disk_usage(there).free / 1e9
    advice = None if free_gb >= MIN_FREE_GB else f"{there} 의 공간을 비우세요 / free some space there"
    yield Finding("디스크 / disk", f"{there}: {free_gb:.1f} GB 남음 / free", advice)


def _show(findings: list[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        tick = "[green]✓[/]" if finding.advice is None else "[red]✗[/]"
        console.print(f"{tick} {padded(finding.name)}  {escape(finding.found)}")
        if finding.advice is not None:
            console.print(f"  [bold]→ {escape(finding.advice)}[/]")
