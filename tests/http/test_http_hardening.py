"""What a server that strangers can reach must do: careful headers, clients that dawdle, failures that tell nothing."""

import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from paywon.db.embedded import EmbeddedPostgres
from tests.conftest import Sandbox
from tests.http.wire import Answer, Wire
from tests.http.world import Loop, World, check_problem
from tests.support.databases import Template
from tests.support.stack import NO_LIMITS, Stack
from tests.support.tokens import EVERY_SCOPE, USERS, token_of

OURS, THEIRS = "https://shop.example", "https://evil.example"
STRICT = {
    **USERS,
    **NO_LIMITS,
    "PAYWON_USER_SCOPES": EVERY_SCOPE,
    "PAYWON_CORS_ORIGINS": f"{OURS}, http://localhost:5173",
    "PAYWON_HTTPS": "true",
    "PAYWON_BODY_TIMEOUT_S": "1",
    "PAYWON_KEEP_ALIVE_S": "2",
}
CAREFUL = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}


async def _run(url: str, statement: str) -> None:
    conn = await asyncpg.connect(url)
    await conn.execute(statement)
    await conn.close()


@pytest.fixture(scope="module")
def strict(
    world: World, loop: Loop, template: Template, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """An API with a database of its own, for pages of one shop, with little patience."""
    stack = Stack(
        database_url=loop.run(template.copy()),
        sandbox_url=sandbox.url,
        toss_key=f"test_sk_{secrets.token_hex(12)}",
        api_key="pwk_of_nobody",
        folder=tmp_path_factory.mktemp("strict"),
        settings=STRICT,
    )
    loop.run(stack.open(worker=False))
    yield stack
    loop.run(stack.close())


@pytest.fixture
def wire(strict: Stack) -> Iterator[Wire]:
    wire = Wire(strict.ports[0], token_of("user-7"))
    yield wire
    wire.close()


ANSWERS = [
    ("GET", "/health", 200),
    ("GET", "/payments?limit=1", 200),
    ("GET", "/schema/openapi.json", 200),
    ("OPTIONS", "/payments", 204),
    ("GET", "/nope", 404),
    ("GET", "/payments?page=x", 400),
    ("PATCH", "/payments", 405),
    ("POST", "/api/orders", 400),
    ("GET", "/api/ops/invariants", 403),
]


@pytest.mark.parametrize(("method", "target", "status"), ANSWERS)
def test_every_answer_is_careful(world: World, wire: Wire, method: str, target: str, status: int) -> None:
    plain = world.wire.send(method, target, key=token_of("user-7"))
    assert (plain.status, {name: plain.headers.get(name) for name in CAREFUL}) == (status, CAREFUL)
    assert "strict-transport-security" not in plain.headers, "on http it would lock people out"
    assert wire.send(method, target).headers["strict-transport-security"] == "max-age=31536000"


def _allowed(answer: Answer) -> str | None:
    return answer.headers.get("access-control-allow-origin")


def _preflight(wire: Wire, origin: str, *, method: str = "POST", header: str = "authorization") -> Answer:
    lines = [f"Access-Control-Request-Method: {method}", f"Access-Control-Request-Headers: {header}"]
    return wire.send("OPTIONS", "/api/orders", key=None, headers=[f"Origin: {origin}", *lines])


def test_pages_of_the_shop_may_call_and_no_others(wire: Wire) -> None:
    for origin in (OURS, "http://localhost:5173"):
        for header in ("authorization", "content-type", "idempotency-key"):
            asked = _preflight(wire, origin, header=header)
            assert (asked.status, _allowed(asked)) == (204, origin)
            assert "access-control-allow-credentials" not in asked.headers, "no cookies"
        # An error as well, or the page could not read why.
        for target, status in (("/payments", 200), ("/payments?page=x", 400), ("/nope", 404)):
            answer = wire.send("GET", target, headers=[f"Origin: {origin}"])
            assert (answer.status, _allowed(answer), answer.headers["vary"]) == (status, origin, "Origin")
    for origin in (THEIRS, "null", OURS + ".evil.example", OURS.replace(".", "x"), "https://shop.example:8443", "*"):
        assert (_preflight(wire, origin).status, _allowed(_preflight(wire, origin))) == (400, None)
        assert _allowed(wire.send("GET", "/payments", headers=[f"Origin: {origin}"])) is None
    assert _preflight(wire, OURS, method="PATCH").status == 400
    assert _preflight(wire, OURS, header="x-evil").status == 400


def test_by_default_no_page_may_call(world: World) -> None:
    for origin in (OURS, THEIRS, "null"):
        assert _allowed(_preflight(world.wire, origin)) is None
        assert _allowed(world.wire.send("GET", "/payments", headers=[f"Origin: {origin}"])) is None


def _send(port: int, *parts: bytes) -> tuple[bytes, float]:
    """Send bytes slowly; answer what came back until the server hung up, and after how many seconds."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        began, got = time.monotonic(), b""
        for part in parts:
            line.sendall(part)
            time.sleep(0.3)
        while more := line.recv(65536):
            got += more
        return got, time.monotonic() - began


HEAD = f"POST /api/orders HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {token_of('user-7')}\r\n".encode()
JSON = b"Content-Type: application/json\r\n"


@pytest.mark.parametrize("length", [b"Content-Length: 500\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_body_that_dawdles_is_not_waited_for(strict: Stack, length: bytes) -> None:
    drips = [b"1\r\n{\r\n" if b"chunked" in length else b"{"] * 3
    got, elapsed_s = _send(strict.ports[0], HEAD + JSON + length + b"\r\n", *drips)
    assert got.startswith(b"HTTP/1.1 408 "), got
    assert b'"code":"REQUEST_TIMEOUT"' in got
    assert b"application/problem+json" in got
    assert elapsed_s < 5


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost: t\r\nX-Slow: "], ids=["nothing", "half a head"])
def test_a_head_that_dawdles_is_not_waited_for(strict: Stack, sent: bytes) -> None:
    got, elapsed_s = _send(strict.ports[0], sent)
    assert (got, 1 < elapsed_s < 6) == (b"", True), elapsed_s


def test_an_idle_connection_is_closed(strict: Stack) -> None:
    got, elapsed_s = _send(strict.ports[0], b"GET /health HTTP/1.1\r\nHost: t\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 200 ")
    assert 1 < elapsed_s < 6


def test_a_head_that_is_too_large_is_not_read(strict: Stack) -> None:
    got, _ = _send(strict.ports[0], b"GET /health HTTP/1.1\r\nHost: t\r\nX: " + b"a" * 400_000)
    assert got.startswith(b"HTTP/1.1 431 ")


def test_a_head_of_64_kb_is_read(strict: Stack) -> None:
    got, _ = _send(
        strict.ports[0], b"GET /health HTTP/1.1\r\nHost: t\r\nConnection: close\r\nX: " + b"a" * 64_000 + b"\r\n\r\n"
    )
    assert got.startswith(b"HTTP/1.1 200 ")


def test_a_head_beyond_128_kb_is_not_read(strict: Stack) -> None:
    got, _ = _send(strict.ports[0], b"GET /health HTTP/1.1\r\nHost: t\r\nX: " + b"a" * 128 * 1024 + b"\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("name", ["Authorization", "Content-Type", "Idempotency-Key"])
def test_a_head_that_can_be_read_in_two_ways_is_refused(strict: Stack, name: str) -> None:
    """The first of two Authorization headers used to win, the last one elsewhere: a proxy may have judged the other."""
    got, _ = _send(strict.ports[0], HEAD + f"Connection: close\r\n{name}: x\r\n{name}: y\r\n\r\n".encode())
    assert got.startswith(b"HTTP/1.1 400 "), got
    assert f'"field":"{name}"'.encode() in got


def test_a_body_in_a_coding_that_nobody_undoes_is_refused(strict: Stack) -> None:
    head = HEAD + JSON + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
    got, _ = _send(strict.ports[0], head)
    assert got.startswith(b"HTTP/1.1 400 "), got
    assert b'"field":"Transfer-Encoding"' in got


def test_where_a_length_and_chunks_come_together_the_connection_ends(strict: Stack) -> None:
    """What Granian does and docs/security.md says: nothing that follows is taken for another request."""
    chunks = b"2\r\n{}\r\n0\r\n\r\n"
    smuggled = b"GET /health HTTP/1.1\r\nHost: t\r\n\r\n"
    got, _ = _send(
        strict.ports[0], HEAD + JSON + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + smuggled
    )
    assert got.count(b"HTTP/1.1 ") == 1


def test_a_failure_that_nobody_foresaw_tells_nothing_of_the_inside(strict: Stack, wire: Wire, loop: Loop) -> None:
    """A table that is not what the code believes: no time-out, no lost connection, an honest surprise."""
    answer = wire.send("GET", "/payments")
    assert answer.status == 200
    loop.run(_run(strict.database_url, "ALTER TABLE payments RENAME COLUMN user_id TO somebody"))
    try:
        for english in (False, True):
            language = ["Accept-Language: en"] if english else []
            answer = wire.send("GET", "/payments", headers=language)
            document = answer.json()
            assert (answer.status, answer.media_type) == (500, "application/problem+json")
            assert (document["code"], document["status"]) == ("INTERNAL", 500)
            assert set(document) == {"type", "title", "status", "detail", "code", "message"}
            for inside in (b"Traceback", b"user_id", b"asyncpg", b"Error", b"SELECT", b".py", b"column"):
                assert inside not in answer.body
            assert {name: answer.headers.get(name) for name in CAREFUL} == CAREFUL
    finally:
        loop.run(_run(strict.database_url, "ALTER TABLE payments RENAME COLUMN somebody TO user_id"))
    assert wire.send("GET", "/payments").status == 200
    log = next(Path(strict.folder).glob("api-*.log")).read_text()
    assert "UndefinedColumnError" in log, "who runs it is told"


def test_a_page_of_the_demo_keeps_its_own_headers(
    world: World, loop: Loop, postgres: EmbeddedPostgres, sandbox: Sandbox, tmp_path: Path
) -> None:
    stack = Stack(
        database_url=world.stack.database_url,
        sandbox_url=sandbox.url,
        toss_key=f"test_sk_{secrets.token_hex(12)}",
        api_key="pwk_of_nobody",
        folder=tmp_path,
        settings={"PAYWON_DEV": "true"},
    )
    loop.run(stack.open(worker=False))
    wire = Wire(stack.ports[0], stack.api_key)
    try:
        # Only under names that no foreign page can rebind.
        assert wire.send("GET", "/demo", key=None).status == 400
        wire.host = f"localhost:{stack.ports[0]}"
        page = wire.send("GET", "/demo", key=None)
        assert (page.status, page.headers["referrer-policy"]) == (200, "same-origin")
        assert "style-src 'self'" in page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        style = wire.send("GET", "/demo/static/demo.css", key=None)
        assert (style.headers["cache-control"], style.headers["x-content-type-options"]) == ("max-age=60", "nosniff")
        check_problem(wire.send("GET", "/payments", key=None))
    finally:
        wire.close()
        loop.run(stack.close())
