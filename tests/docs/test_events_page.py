"""docs/events.md: its catalogue, its example, its schemas and its ways to verify are those of the code."""

import json
import re
import subprocess
from datetime import UTC, datetime
from typing import Any

import msgspec
from standardwebhooks import Webhook
from tests.docs.pages import blocks, code, page, table
from tests.support.event_schemas import COPY, document

from paywon.events.model import LADDER, TIMEOUT_S, Envelope, Trouble, new_secret
from paywon.events.schemas import SAYS, schema_of, schema_of_all
from paywon.outbox.model import DATA, EventType

EVENTS = page("docs/events.md")


def test_the_catalogue_is_the_codes() -> None:
    rows = [tuple(row) for row in table(EVENTS, first="타입 / type")]
    wanted = []
    for kind in EventType:
        parts = ", ".join(f"`{field.encode_name}`" for field in msgspec.structs.fields(DATA[kind]))
        wanted.append((f"`{kind}`", parts, f"{SAYS[kind].ko} / {SAYS[kind].en}"))
    assert rows == wanted


def test_the_published_schemas_are_the_codes() -> None:
    assert COPY.read_text(encoding="utf-8") == document(), "python -m tests.support.event_schemas"
    assert set(schema_of_all()["$defs"]) > set(EventType)
    for kind in EventType:
        schema = schema_of(kind)
        assert schema["required"] == [field.name for field in msgspec.structs.fields(Envelope)]
        for reference in re.findall(r'"\$ref": "#/\$defs/([^"]+)"', json.dumps(schema)):
            assert reference in schema["$defs"], (kind, reference)


def test_the_example_is_an_event() -> None:
    (example,) = blocks(EVENTS, "json")
    body = msgspec.json.decode(example, type=Envelope)
    assert msgspec.to_builtins(msgspec.convert(body.data, DATA[EventType(body.type)])) == json.loads(example)["data"]


def test_the_ladder_and_the_time_are_the_codes() -> None:
    (row,) = table(EVENTS, first="실패 / failure")
    units = {"초": 1, "분": 60, "시간": 3600}
    seconds = [int(n) * units[unit] for n, unit in re.findall(r"(\d+)(초|분|시간)", " ".join(row[1:-1]))]
    assert (seconds, row[-1]) == ([step.total_seconds() for step in LADDER], "그만둠")
    assert f"{TIMEOUT_S:g}초 안의 2xx" in EVENTS


def _signed() -> tuple[str, str, dict[str, str]]:
    secret, body, now = new_secret(), '{"type": "order.paid", "data": {"원": 1}}', datetime.now(UTC)
    headers = {
        "webhook-id": "019ab3f2-0c11-7d52-9a51-0c5d3c6f0001",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("019ab3f2-0c11-7d52-9a51-0c5d3c6f0001", now, body),
    }
    return secret, body, headers


def test_the_python_lines_verify() -> None:
    (lines,) = blocks(EVENTS, "python")
    secret, body, headers = _signed()
    scope: dict[str, Any] = {"secret": secret}
    exec(lines, scope)  # noqa: S102 - our own page
    assert scope["event_of"](body.encode(), headers) == json.loads(body)
    assert scope["event_of"](body.encode() + b" ", headers) is None


def test_the_lines_without_a_library_make_the_signature() -> None:
    (lines,) = blocks(EVENTS, "bash")
    secret, body, headers = _signed()
    told = {
        "SECRET": secret,
        "BODY": body,
        "WEBHOOK_ID": headers["webhook-id"],
        "WEBHOOK_TIMESTAMP": headers["webhook-timestamp"],
    }
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", lines],
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", **told},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"v1,{done.stdout.strip()}" == headers["webhook-signature"]


def test_every_reason_is_explained() -> None:
    known = {code(name) for row in table(EVENTS, first="`reason`, `error`") for name in row[0].split(", ")}
    assert known == {"HTTP_500", "…", *Trouble}
