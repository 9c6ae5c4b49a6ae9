"""The README's curl lines work as printed, and its settings and endpoints are those of the code."""

import inspect
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from pydantic.fields import FieldInfo
from tests.docs.pages import blocks, code, page, table
from tests.start.running import Dev, clean_environment, status_of
from tests.support.stack import SECRET_KEYS

from paywon.asgi import build_app
from paywon.settings import Settings
from paywon.terminal.plan import DevSettings

README = page("README.md")
# What the last block leaves behind, told to the test.
TELL = 'printf "%s\\n" "$PAYMENT_ID" "$ORDER_ID" "$CAPSULE_ID"'


@pytest.fixture
def dev() -> Iterator[Dev]:
    # Not pytest's own tmp_path: as root the server runs as another user, who may not enter there.
    folder = Path(tempfile.mkdtemp(prefix="paywon-docs-"))
    running = Dev(folder / ".paywon")
    running.start()
    yield running
    running.clear_away()
    shutil.rmtree(folder, ignore_errors=True)


def _bash(script: str, *, cwd: Path, **environment: str) -> list[str]:
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=cwd,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_the_curl_lines_work_as_printed(dev: Dev) -> None:
    printed = blocks(README, "bash")
    said = _bash("\n".join([*printed, TELL]), cwd=dev.home.parent)
    payment_id, order_id, capsule_id = said[-3:]

    def read(path: str) -> Any:
        status, body = status_of("GET", dev.json["apiUrl"] + path, key=dev.json["apiKey"])
        assert status == 200, body
        return body

    payment = read(f"/payments/{payment_id}")
    assert (payment["status"], payment["refundedAmount"]) == ("partial_refunded", 20_000)
    trail = read(f"/payments/{payment_id}/transactions")["transactions"]
    moves = [(row["type"], row["status"]) for row in trail if row["type"] not in ("status_read", "webhook_received")]
    assert moves == [("payment_request", "success"), ("payment_confirmation", "success"), ("refund_request", "success")]
    order = read(f"/api/orders/{order_id}")
    assert (order["status"], order["fulfilment"]["status"]) == ("REFUNDED", "REVERSED")
    assert read(f"/api/capsules/{capsule_id}")["status"] == "CANCELED"

    # And from another folder, with PAYWON_HOME set.
    (address,) = _bash(f'{printed[0]}\nprintf "%s\\n" "$API"', cwd=Path("/"), PAYWON_HOME=str(dev.home))
    assert address == dev.json["apiUrl"]


def test_the_settings_are_those_of_the_code() -> None:
    rows = [(code(name), code(default)) for name, default, _meaning in table(README, first="이름 / name")]
    dev_alone = {str(field.alias): _default(field) for field in DevSettings.model_fields.values()}
    wanted = [(str(field.alias), _default(field)) for field in Settings.model_fields.values()]
    wanted += [(name, default) for name, default in dev_alone.items() if name not in dict(wanted)]
    assert rows == wanted


def _default(field: FieldInfo) -> str:
    """Write a default as the README does."""
    if field.is_required():
        return "필수"
    match field.default:
        case None:
            return "없음"
        case bool():
            return str(field.default).lower()
        case float():
            return f"{field.default:g}"
    return str(field.default)


def test_the_endpoints_are_those_of_the_code() -> None:
    values = {
        "DATABASE_URL": "postgresql://nowhere/paywon",
        "PAYWON_ENV": "development",
        "TOSS_PAYMENTS_SECRET_KEY": "test_sk_docs",
        "PAYWON_SECRET_KEYS": SECRET_KEYS,
    }
    app = build_app(Settings(_env_file=None, **values))  # type: ignore[call-arg, arg-type]
    rows = {(method, code(path)): code(scope) for method, path, scope, _what in table(README, first="메서드")}
    scopes = _scopes(app)
    assert set(rows) == {(method, _camel(path)) for method, path in _published(app)}
    assert rows == {(method, _camel(path)): scopes[method, path] for method, path in _published(app)}


def _published(app: Litestar) -> list[tuple[str, str]]:
    """Every operation of the OpenAPI document."""
    return [
        (method.upper(), path)
        for path, item in (app.openapi_schema.paths or {}).items()
        for method in ("get", "post", "put", "patch", "delete")
        if getattr(item, method) is not None
    ]


def _scopes(app: Litestar) -> dict[tuple[str, str], str]:
    """Which scope the guards of each door ask for."""
    found: dict[tuple[str, str], str] = {}
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            guards = [getattr(guard, "func", guard) for guard in handler.resolve_guards()]
            asked = [inspect.getclosurevars(guard).nonlocals.get("scope") for guard in guards]
            scope = next((name for name in asked if name is not None), "없음 / open")
            found |= {(str(method), route.path_format): scope for method in handler.http_methods}
    return found


def _camel(path: str) -> str:
    return re.sub(r"_(\w)", lambda letter: letter[1].upper(), path)
