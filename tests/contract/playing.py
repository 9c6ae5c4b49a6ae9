"""Runs Schemathesis as its users do, by its command line, all checks on."""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.contract.callers import ALL, NOBODY, USER, Errand
from tests.crash.world import open_ground
from tests.http.conftest import furnish, keys_in
from tests.support.stack import NO_LIMITS, Stack
from tests.support.tokens import EVERY_SCOPE, USERS, token_of

# Whose the payments of the world are.
_OWNER: Final = "6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001"
_MADE: Final = re.compile(r"^\s+(?P<cases>[\d,]+) generated", re.MULTILINE)

# No check is off. Two are told what a refusal looks like here:
# - A body that fits the schema may still be refused for its sense (422), a card be declined (402): no schema can say
#   that an amount is the order's. But never as malformed (400), nor by a failure of ours, which is the default to pass.
# - What does not fit may be refused as these say, and by no failure of ours, which again would pass by default.
_CONFIG: Final = """
hooks = "{hooks}"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "402", "403", "404", "409", "422", "429"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "415", "422"]
"""


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A running paywon with something in it, and tokens by who holds them."""

    url: str
    tokens: dict[str, str]
    known: dict[str, str]
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Told:
    """What Schemathesis found."""

    errand: Errand
    cases: int
    seconds: float
    code: int
    output: str


@asynccontextmanager
async def open_shop() -> AsyncIterator[Shop]:
    """Start a PostgreSQL, a sandbox, an API and a worker of one's own; ended at the end."""
    async with open_ground() as ground:
        url = await ground.template.copy()
        tokens = await keys_in(url)
        stack = Stack(
            database_url=url,
            sandbox_url=ground.sandbox_url,
            toss_key="test_sk_contract",
            api_key=tokens["all"],
            folder=ground.folder,
            settings={**USERS, "PAYWON_USER_SCOPES": EVERY_SCOPE, **NO_LIMITS},
        )
        try:
            await stack.open()
            known, _ = await furnish(stack)
            tokens |= {ALL: tokens["all"], USER: token_of(_OWNER)}
            yield Shop(url=stack.api_url, tokens=tokens, known=known, folder=ground.folder)
        finally:
            await stack.close()


async def play(shop: Shop, errand: Errand, *, seed: int) -> Told:
    """Have Schemathesis do one errand."""
    config = shop.folder / f"{errand.who.replace(' ', '-').replace(':', '-')}.toml"
    config.write_text(_config(shop, errand), encoding="utf-8")
    command = ["-m", "schemathesis.cli", "--config-file", str(config), "run", f"{shop.url}/schema/openapi.json"]
    command += ["--checks", "all", "--phases", ",".join(errand.phases), "--max-examples", str(errand.examples)]
    command += ["--seed", str(seed), "--generation-database", "none", "--no-color", "--continue-on-failure"]
    if errand.who != NOBODY:
        command += ["--header", f"Authorization: Bearer {shop.tokens[errand.who]}"]
    began = time.monotonic()
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=shop.folder, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    try:
        raw, _ = await child.communicate()
    except asyncio.CancelledError:
        child.kill()
        raise
    output = raw.decode(errors="replace")
    made = _MADE.search(output)
    cases = int(made["cases"].replace(",", "")) if made else 0
    return Told(errand=errand, cases=cases, seconds=time.monotonic() - began, code=child.returncode or 0, output=output)


def _config(shop: Shop, errand: Errand) -> str:
    text = _CONFIG.format(hooks=Path(__file__).with_name("hooks.py"))
    if errand.knows:
        lines = [f'"path.{name}" = {_quoted(value)}' for name, value in shop.known.items()]
        text += "\n".join(["", "[parameters]", *lines, ""])
    return text


def _quoted(value: Any) -> str:
    return msgspec.json.encode(value).decode()
