"""``paywon invariants`` and ``paywon audit verify``: what they say, and how they end."""

import asyncio
import json
import re
from pathlib import Path
from uuid import UUID

import pytest
from tests.start.running import paywon
from tests.support.books import Books, open_books
from tests.support.stack import SECRET_KEYS

from paywon.db.embedded import EmbeddedPostgres
from paywon.db.migrate import ensure_database, migrate
from paywon.db.pool import Database
from paywon.invariants.model import Invariant

SETTINGS = {"TOSS_PAYMENTS_SECRET_KEY": "test_sk_start", "PAYWON_SECRET_KEYS": SECRET_KEYS, "COLUMNS": "200"}


@pytest.fixture
def settings(postgres: EmbeddedPostgres) -> dict[str, str]:
    """The settings of a service that has sold a book; each test has a database of its own."""
    url = postgres.url(f"looking_{next(_numbers)}")
    asyncio.run(_sell(postgres.url("postgres"), url))
    return {"DATABASE_URL": url, **SETTINGS}


_numbers = iter(range(100))


async def _sell(admin_url: str, url: str) -> None:
    await ensure_database(admin_url, re.findall(r"looking_\d+", url)[0])
    await migrate(url)
    await _with_books(url, _paid)


async def _paid(books: Books) -> None:
    await books.refunded(await books.paid(), 400)


async def _with_books(url: str, work: object) -> None:
    db = await Database.connect(url, max_connections=2, application_name="test")
    async with open_books(db) as books:
        await work(books)  # type: ignore[operator]
    await db.close()


def damage(url: str, script: str) -> None:
    async def do(books: Books) -> None:
        await books.damage(script)

    asyncio.run(_with_books(url, do))


def test_invariants_hold_and_then_do_not(settings: dict[str, str], tmp_path: Path) -> None:
    well = paywon("invariants", cwd=tmp_path, **settings)
    assert well.returncode == 0, well.stdout
    assert all(f" {invariant} " in well.stdout for invariant in Invariant)
    damage(settings["DATABASE_URL"], "UPDATE payments SET balance_amount = 1")
    ill = paywon("invariants", cwd=tmp_path, **settings)
    assert ill.returncode == 1
    assert re.search(r"^I2: [0-9a-f-]{36}: the balance is 1 won", ill.stdout, re.MULTILINE), ill.stdout


def test_invariants_for_machines(settings: dict[str, str], tmp_path: Path) -> None:
    damage(settings["DATABASE_URL"], "UPDATE payments SET balance_amount = 1")
    said = paywon("invariants", "--json", cwd=tmp_path, **settings)
    assert said.returncode == 1
    run = json.loads(said.stdout)
    assert (run["origin"], run["holds"]) == ("command", False)
    results = {result["invariant"]: result for result in run["results"]}
    assert list(results) == list(Invariant)
    assert {name for name, result in results.items() if result["violations"]} == {"I2", "I15"}
    assert results["I11"]["checked"] is None


def test_an_audit_trail_that_was_touched(settings: dict[str, str], tmp_path: Path) -> None:
    whole = paywon("audit", "verify", cwd=tmp_path, **settings)
    assert whole.returncode == 0, whole.stdout
    assert "chains 1," in whole.stdout
    assert "rows 2," in whole.stdout
    damage(
        settings["DATABASE_URL"],
        "DELETE FROM payment_cancels; DELETE FROM payment_transactions WHERE chain_position = 2",
    )
    touched = paywon("audit", "verify", cwd=tmp_path, **settings)
    assert touched.returncode == 1
    (payment,) = re.findall(r"✗ removed: payment ([0-9a-f-]{36}), 2", touched.stdout)
    assert paywon("audit", "verify", "--payment", payment, cwd=tmp_path, **settings).returncode == 1
    other = paywon("audit", "verify", "--payment", str(UUID(int=1)), cwd=tmp_path, **settings)
    assert (other.returncode, "rows 0," in other.stdout) == (0, True), other.stdout


def test_a_seal_that_is_not_as_expected(settings: dict[str, str], tmp_path: Path) -> None:
    (seal,) = re.findall(r"seal (\S+)", paywon("audit", "verify", cwd=tmp_path, **settings).stdout)
    assert paywon("audit", "verify", "--expect", seal, cwd=tmp_path, **settings).returncode == 0
    wrong = seal[:-1] + ("0" if seal[-1] != "0" else "1")
    other = paywon("audit", "verify", "--expect", wrong, cwd=tmp_path, **settings)
    assert (other.returncode, "another seal was expected" in other.stdout) == (1, True), other.stdout


@pytest.mark.parametrize("arguments", [("--payment", "x"), ("--expect", "x")])
def test_what_is_no_id_and_no_seal(arguments: tuple[str, str], settings: dict[str, str], tmp_path: Path) -> None:
    ended = paywon("audit", "verify", *arguments, cwd=tmp_path, **settings)
    assert (ended.returncode, len(ended.stdout.splitlines())) == (1, 1), ended.stdout


@pytest.mark.parametrize("command", [("invariants",), ("audit", "verify")])
def test_a_database_that_is_not_there(command: tuple[str, ...], tmp_path: Path) -> None:
    ended = paywon(*command, cwd=tmp_path, **SETTINGS, DATABASE_URL="postgresql://u:hidden@127.0.0.1:1/x")
    assert (ended.returncode, len(ended.stdout.splitlines())) == (1, 1), ended.stdout
    assert "hidden" not in ended.stdout
