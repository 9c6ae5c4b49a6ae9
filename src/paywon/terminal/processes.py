"""The short commands: the sandbox alone, migrations, the demo."""

import asyncio
import os
import sys
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from paywon import devfile
from paywon.db.migrate import NewerSchema, migrate
from paywon.settings import DatabaseSettings
from paywon.terminal.checks import DATABASE_ERRORS, check_port, look_at_database, schema_trouble
from paywon.terminal.plan import load_dev_settings
from paywon.terminal.trouble import database_trouble


def become_sandbox(
    *, host: str, port: int, state: Path | None, public_url: str | None, allowed_hosts: list[str]
) -> None:
    """Turn this process into the sandbox. It is another program, and shares no code with this one.

    Raises:
        Trouble: the port is taken.
    """
    check_port(host, port, "PAYWON_SANDBOX_PORT")
    arguments = ["--host", host, "--port", str(port)]
    if state is not None:
        arguments += ["--state", str(state)]
    if public_url is not None:
        arguments += ["--public-url", public_url]
    for name in allowed_hosts:
        arguments += ["--allow-host", name]
    os.execv(sys.executable, [sys.executable, "-m", "paywon_sandbox", *arguments])  # noqa: S606


def migrate_database(settings: DatabaseSettings) -> str:
    """Bring the schema up to date; answer what there is to say about it.

    Raises:
        Trouble: the database cannot be reached or refuses.
    """
    return asyncio.run(_migrate(settings.database_url))


async def _migrate(url: str) -> str:
    state = await look_at_database(url)
    before = state.revision
    try:
        now = await migrate(url)
    except NewerSchema:
        if (trouble := schema_trouble(state)) is not None:
            raise trouble from None
        return f"더 새로운 스키마입니다({before}). 이 버전도 돕니다 / the schema is newer; this version runs on it"
    except (*DATABASE_ERRORS, SQLAlchemyError) as error:
        cause = getattr(error, "orig", None) or error
        raise database_trouble(cause, url) from None
    if before == now:
        return f"스키마가 이미 최신입니다({now}) / the schema is up to date ({now})"
    return f"스키마를 옮겼습니다 / the schema was migrated: {before or '-'} → {now}"


def play_demo() -> int:
    """Play the whole story against the running ``paywon dev``; answer the exit code."""
    from paywon.demo.story import run_story

    return run_story(load_dev_settings().home / devfile.NAME)
