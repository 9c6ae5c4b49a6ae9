"""The commands of production: what they say when something is wrong, and how they end."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from tests.start.running import clean_environment, eventually, free_port, paywon, status_of
from tests.support.stack import SECRET_KEYS

from paywon.db.embedded import EmbeddedPostgres

KEY = "test_sk_start"
TOKENS = {"PAYWON_JWT_ISSUER": "https://shop.example", "PAYWON_JWT_AUDIENCE": "paywon"}
REQUIRED = {"PAYWON_ENV": "development", "TOSS_PAYMENTS_SECRET_KEY": KEY, "PAYWON_SECRET_KEYS": SECRET_KEYS}


@pytest.fixture
def migrated(postgres: EmbeddedPostgres, tmp_path: Path) -> dict[str, str]:
    """The settings of a service whose schema is up to date."""
    return {
        "DATABASE_URL": postgres.url("paywon"),
        **REQUIRED,
        "PAYWON_PORT": str(free_port()),
        "PAYWON_HOME": str(tmp_path),
    }


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_missing_settings_are_all_named(command: str, tmp_path: Path) -> None:
    ended = paywon(command, cwd=tmp_path)
    assert ended.returncode == 1
    assert "DATABASE_URL" in ended.stdout
    assert "TOSS_PAYMENTS_SECRET_KEY" in ended.stdout
    assert "PAYWON_SECRET_KEYS" in ended.stdout
    assert "Traceback" not in ended.stdout


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_production_refuses_what_belongs_to_development_all_at_once(command: str, tmp_path: Path) -> None:
    wrong = {**REQUIRED, "PAYWON_ENV": "production", "DATABASE_URL": "postgresql://postgres:postgres@127.0.0.1:1/x"}
    ended = paywon(command, cwd=tmp_path, **wrong)
    names = [line.split(":")[0].strip() for line in ended.stdout.splitlines()[1:]]
    assert ended.returncode == 1
    assert sorted(names) == ["APP_BASE_URL", "DATABASE_URL", "PAYWON_SECRET_KEYS", "TOSS_PAYMENTS_SECRET_KEY"]
    # Nothing said is production.
    del wrong["PAYWON_ENV"]
    assert paywon(command, cwd=tmp_path, **wrong).stdout == ended.stdout


@pytest.mark.parametrize("command", [("migrate",), ("keys", "list"), ("invariants",), ("audit", "verify")])
def test_what_needs_only_the_database_names_only_that(command: tuple[str, ...], tmp_path: Path) -> None:
    ended = paywon(*command, cwd=tmp_path)
    assert (ended.returncode, len(ended.stdout.splitlines())) == (1, 2), ended.stdout
    assert "DATABASE_URL" in ended.stdout


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"PAYWON_JWT_ALGORITHM": "none"}, "PAYWON_JWT_ALGORITHM"),
        ({"PAYWON_JWT_ALGORITHM": "HS256"}, "PAYWON_JWT_ISSUER, PAYWON_JWT_AUDIENCE"),
        ({"PAYWON_JWT_SECRET": "x" * 32}, "PAYWON_JWT_ALGORITHM"),
        ({**TOKENS, "PAYWON_JWT_ALGORITHM": "HS256"}, "PAYWON_JWT_SECRET"),
        ({**TOKENS, "PAYWON_JWT_ALGORITHM": "HS256", "PAYWON_JWT_SECRET": "hidden"}, "at least 32 bytes"),
        ({**TOKENS, "PAYWON_JWT_ALGORITHM": "RS256", "PAYWON_JWT_SECRET": "x" * 32}, "PAYWON_JWT_JWKS_URL"),
        ({**TOKENS, "PAYWON_JWT_ALGORITHM": "RS256", "PAYWON_JWT_PUBLIC_KEY": "hidden"}, "PEM"),
        ({**TOKENS, "PAYWON_JWT_ALGORITHM": "ES256", "PAYWON_JWT_JWKS_URL": "http://a.example/k"}, "https://"),
        ({"PAYWON_USER_SCOPES": "payments:read,ops:write"}, "PAYWON_USER_SCOPES"),
        ({"PAYWON_CORS_ORIGINS": "*"}, "PAYWON_CORS_ORIGINS"),
        ({"PAYWON_TRUSTED_PROXIES": "everybody"}, "PAYWON_TRUSTED_PROXIES"),
        ({"PAYWON_RATE_PER_MINUTE": "-1"}, "PAYWON_RATE_PER_MINUTE"),
    ],
)
def test_settings_that_would_let_in_the_wrong_ones_are_refused(
    wrong: dict[str, str], said: str, tmp_path: Path
) -> None:
    ended = paywon("serve", cwd=tmp_path, DATABASE_URL="postgresql://127.0.0.1:1/x", **REQUIRED, **wrong)
    assert (ended.returncode, len(ended.stdout.splitlines())) == (1, 2), ended.stdout
    assert said in ended.stdout
    assert "hidden" not in ended.stdout


@pytest.mark.parametrize(
    ("command", "url", "said"),
    [
        (
            "serve",
            "postgresql://u:hidden@127.0.0.1:1/x",
            "cannot reach the database at 127.0.0.1:1/x (Connection refused)",
        ),
        ("worker", "postgresql://u:hidden@no-host.invalid/x", "cannot reach the database at no-host.invalid:5432/x"),
        ("migrate", "mysql://u:hidden@127.0.0.1/x", "DATABASE_URL cannot be read"),
    ],
)
def test_bad_database_addresses(command: str, url: str, said: str, tmp_path: Path) -> None:
    ended = paywon(command, cwd=tmp_path, DATABASE_URL=url, **REQUIRED)
    assert ended.returncode == 1
    assert len(ended.stdout.splitlines()) == 1
    assert said in ended.stdout
    assert "hidden" not in ended.stdout


def test_databases_that_refuse(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    good = postgres.url("empty")
    cases = {
        good: "run paywon migrate",
        good.replace("/empty", "/nowhere"): "there is no database",
        good.replace("postgres:@", "stranger:@"): "refused the user or password",
    }
    for url, said in cases.items():
        ended = paywon("worker", cwd=tmp_path, DATABASE_URL=url, **REQUIRED)
        assert (ended.returncode, len(ended.stdout.splitlines())) == (1, 1), ended.stdout
        assert said in ended.stdout


def test_migrate_says_what_it_did(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    settings = {"DATABASE_URL": postgres.url("fresh")}
    for said in ("the schema was migrated: ", "the schema is up to date"):
        done = paywon("migrate", cwd=tmp_path, **settings)
        assert (done.returncode, len(done.stdout.splitlines())) == (0, 1), done.stdout
        assert said in done.stdout


def test_serve_says_that_its_port_is_in_use(migrated: dict[str, str], tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", int(migrated["PAYWON_PORT"])))
        listener.listen()
        ended = paywon("serve", cwd=tmp_path, **migrated)
    assert (ended.returncode, len(ended.stdout.splitlines())) == (1, 1), ended.stdout
    assert f"port {migrated['PAYWON_PORT']}" in ended.stdout
    assert "PAYWON_PORT=" in ended.stdout


@pytest.mark.parametrize("command", ["serve", "worker"])
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_service_stops_in_order(command: str, ending: signal.Signals, migrated: dict[str, str], tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "paywon.cli", command],
        cwd=tmp_path,
        env=clean_environment(**migrated),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        if command == "serve":
            eventually(lambda: status_of("GET", f"http://127.0.0.1:{migrated['PAYWON_PORT']}/ready")[0] == 200)
        else:
            eventually(lambda: asyncio.run(_is_connected(migrated["DATABASE_URL"])))
        process.send_signal(ending)
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 0, said
    # No Toss is there, and the worker says so. Nothing else is worth a line.
    assert not [line for line in said.splitlines() if "a walk of Toss's transactions broke off" not in line]


async def _is_connected(url: str) -> bool:
    conn = await asyncpg.connect(url)
    try:
        # Its second connection is the queue's: by then it works.
        found: int = await conn.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'paywon-worker'"
        )
        return found > 1
    finally:
        await conn.close()


def test_a_key_whose_name_hides_something_is_not_made(migrated: dict[str, str], tmp_path: Path) -> None:
    made = paywon("keys", "create", "sh\u200bop", "--scope", "all", cwd=tmp_path, **migrated)
    assert made.returncode == 1
    assert "cannot be seen" in made.stdout


def test_keys_are_made_listed_rotated_and_revoked(migrated: dict[str, str], tmp_path: Path) -> None:
    migrated = {"DATABASE_URL": migrated["DATABASE_URL"]}
    made = paywon("keys", "create", "shop", "--scope", "orders:read", "--days", "30", cwd=tmp_path, **migrated)
    assert made.returncode == 0, made.stdout
    key = made.stdout.splitlines()[-1]
    assert key.startswith("pwk_")

    listed = paywon("keys", "list", cwd=tmp_path, COLUMNS="80", **migrated)
    key_id = re.search(r"([0-9a-f-]{36}) │ shop", listed.stdout)
    assert key_id is not None, listed.stdout
    assert key not in listed.stdout

    rotated = paywon("keys", "rotate", key_id[1], "--overlap-hours", "1", cwd=tmp_path, **migrated)
    assert rotated.returncode == 0, rotated.stdout
    assert rotated.stdout.splitlines()[-1].startswith("pwk_")
    assert rotated.stdout.splitlines()[-1] != key
    listed = paywon("keys", "list", cwd=tmp_path, COLUMNS="250", **migrated)
    assert "rotated" in listed.stdout
    for nothing in (key_id[1], "00000000-0000-7000-8000-000000000000", "nonsense"):
        again = paywon("keys", "rotate", nothing, cwd=tmp_path, **migrated)
        assert (again.returncode, len(again.stdout.splitlines())) == (1, 1), again.stdout

    assert paywon("keys", "revoke", key_id[1], cwd=tmp_path, **migrated).returncode == 0
    again = paywon("keys", "revoke", key_id[1], cwd=tmp_path, **migrated)
    assert (again.returncode, len(again.stdout.splitlines())) == (1, 1)
    wrong = paywon("keys", "create", "shop", "--scope", "everything", cwd=tmp_path, **migrated)
    assert (wrong.returncode, len(wrong.stdout.splitlines())) == (1, 1)


def test_doctor_says_what_to_do(migrated: dict[str, str], tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    seen = paywon("doctor", cwd=tmp_path, **migrated, TOSS_PAYMENTS_BASE_URL=nobody, PAYWON_SANDBOX_URL=nobody)
    assert seen.returncode == 1
    assert "cannot connect; check address and firewall" in seen.stdout
    assert "start it with script/server" in seen.stdout
    assert "PostgreSQL 18" in seen.stdout


def test_doctor_names_what_a_service_lacks_beside_a_development_stack(tmp_path: Path) -> None:
    home = tmp_path / ".paywon"
    home.mkdir(mode=0o700)
    dev = {"apiUrl": "http://127.0.0.1:1", "databaseUrl": "postgresql://x@127.0.0.1:1/x", "tossSecretKey": KEY}
    (home / "dev.json").write_text(json.dumps(dev), encoding="utf-8")
    begun = {"DATABASE_URL": "postgresql://x:y@127.0.0.1:1/none", "APP_BASE_URL": "https://a.example"}
    seen = paywon("doctor", cwd=tmp_path, PAYWON_HOME=str(home), TOSS_PAYMENTS_SECRET_KEY="live_sk_abc", **begun)
    assert (seen.returncode, "PAYWON_SECRET_KEYS" in seen.stdout) == (1, True), seen.stdout


def test_a_mistyped_name_is_told_by_doctor_and_by_what_serves(migrated: dict[str, str], tmp_path: Path) -> None:
    seen = paywon("doctor", cwd=tmp_path, **migrated, PAYWON_PROT="1")
    assert seen.returncode == 1
    assert "PAYWON_PROT (→ PAYWON_PORT)" in seen.stdout
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        served = paywon("serve", cwd=tmp_path, **{**migrated, "PAYWON_PORT": port}, PAYWON_PROT="1")
    assert "PAYWON_PROT (→ PAYWON_PORT)" in served.stdout


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_log_level_that_there_is_not_is_one_message_and_no_crash_loop(
    command: str, migrated: dict[str, str], tmp_path: Path
) -> None:
    seen = paywon(command, cwd=tmp_path, **migrated, PAYWON_LOG_LEVEL="verbose")
    assert seen.returncode == 1
    assert "PAYWON_LOG_LEVEL" in seen.stdout
    assert "Traceback" not in seen.stdout


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PAYWON_HOME", "/dev/null/home", "cannot write to /dev/null/home"),
        ("PAYWON_PORT", "many", "PAYWON_PORT"),
        ("PAYWON_LOG_LEVEL", "verbose", "PAYWON_LOG_LEVEL"),
        ("APP_BASE_URL", "localhost:3000", "APP_BASE_URL"),
        ("TOSS_PAYMENTS_SECRET_KEY", "live_sk_real", "takes only a test secret key"),
        ("TOSS_PAYMENTS_BASE_URL", "https://api.tosspayments.com", "TOSS_PAYMENTS_SECRET_KEY is not"),
    ],
)
def test_dev_says_what_is_wrong(name: str, value: str, said: str, tmp_path: Path) -> None:
    ended = paywon("dev", cwd=tmp_path, **{"PAYWON_HOME": str(tmp_path / "home"), name: value})
    assert (ended.returncode, len(ended.stdout.splitlines())) == (1, 1), ended.stdout
    assert said in ended.stdout


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("keys", "create"), "빠진 항목이 있습니다"),
        (("keys", "nope"), "명령이 맞지 않습니다"),
        (("--nope",), "없는 옵션입니다"),
        (("sandbox", "--port", "x"), "쓸 수 없는 값입니다"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_a_mistyped_command_is_told_in_both_languages(command: tuple[str, ...], said: str, tmp_path: Path) -> None:
    ended = paywon(*command, cwd=tmp_path)
    assert (ended.returncode, f"{said} / " in ended.stdout) == (2, True), ended.stdout
    assert "Traceback" not in ended.stdout


def test_version_and_demo_without_a_stack(tmp_path: Path) -> None:
    assert paywon("version", cwd=tmp_path).stdout.startswith("paywon ")
    demo = paywon("demo", cwd=tmp_path)
    assert (demo.returncode, len(demo.stdout.strip().splitlines())) == (1, 1)
    assert "script/server" in demo.stdout
