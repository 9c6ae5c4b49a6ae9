"""Content types, sizes, framing, addresses, headers and methods."""

import pytest

from tests.http.doors import Door, doors, taking_json
from tests.http.wire import Answer
from tests.http.world import WITHOUT_BODY, World, check_problem

BY_BODY = pytest.mark.parametrize("door", taking_json(), ids=str)
BY_DOOR = pytest.mark.parametrize("door", doors(), ids=str)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE", "CONNECT", "PROPFIND", "get", "X-UNKNOWN")
TEN_MB = 10 * 1024 * 1024


@BY_BODY
def test_a_content_type_that_is_not_json(world: World, door: Door) -> None:
    types = ["text/json", "text/plain", "application/jsonx", "application/x-json", "json", "*/*", "application/*"]
    types += ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data"]
    types += ["application/problem+json", "application/msgpack", "application/json, text/plain", "", ";", "a" * 5000]
    types += ["application/json; charset=euc-kr", "application/json; charset=utf-16", "application/json;charset=latin1"]
    wrong: list[str | bytes | None] = [*types, b"\xff\xfe", b"application/json; charset=\xff", None]
    for media_type in wrong:
        answer = world.refused(door, door.method, world.target(door), world.good(door), media_type=media_type)
        document = answer.json()
        told = (answer.status, document["code"], document["field"])
        assert told == (415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type"), media_type


def test_a_content_type_that_is_json(world: World) -> None:
    right = [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
    ]
    for media_type in [*right, "application/json ; version=1"]:
        answer = world.refused(None, "POST", "/api/orders", b'{"orderName": 1}', media_type=media_type)
        assert answer.json()["field"] == "orderName", media_type


@BY_DOOR
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_ten_megabytes(world: World, door: Door, chunked: bool) -> None:
    if door.method in ("GET", "DELETE") or str(door) in WITHOUT_BODY:
        return  # no body is read there
    raw = b'{"orderName": "' + b"a" * TEN_MB + b'"}'
    answer = world.refused(door, door.method, world.target(door), raw, chunked=chunked)
    assert (answer.status, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert ("64 KB" if door.path == "/payments/webhook" else "256 KB") in answer.json()["message"]


@BY_BODY
def test_the_largest_body_is_read(world: World, door: Door) -> None:
    for size, code in ((256 * 1024, "INVALID_JSON"), (256 * 1024 + 1, "PAYLOAD_TOO_LARGE")):
        for chunked in (False, True):
            answer = world.refused(door, door.method, world.target(door), b" " * size, chunked=chunked)
            assert answer.json()["code"] == code, (size, chunked)


@BY_BODY
def test_a_body_that_breaks_off(world: World, door: Door) -> None:
    """Length and chunks at once, as smugglers send them, and chunks that are none."""
    for headers in (["Transfer-Encoding: chunked", "Content-Type: application/json"],):
        answer = world.refused(door, door.method, world.target(door), world.good(door), headers=headers)
        assert (answer.status, answer.json()["code"]) == (400, "INVALID_JSON")
        world.wire.close()


@BY_DOOR
def test_a_method_that_the_door_does_not_take(world: World, door: Door) -> None:
    taken = {other.method for other in doors() if other.path == door.path}
    for method in METHODS:
        if method in taken:
            continue
        head = method == "HEAD"
        before = world.ledger.read()
        answer = world.wire.send(method, world.target(door), world.good(door) if not head else None)
        assert (answer.status, world.ledger.read()) == (405, before), method
        check_problem(answer, head=head)
        assert set(answer.headers["allow"].split(", ")) == taken | {"OPTIONS"}
        assert answer.body == b"" if head else answer.json()["code"] == "METHOD_NOT_ALLOWED"


@BY_DOOR
def test_options_tell_the_methods(world: World, door: Door) -> None:
    answer = world.wire.send("OPTIONS", world.target(door))
    assert (answer.status, answer.body) == (204, b"")
    assert door.method in answer.headers["allow"].split(", ")


UNKNOWN = ["/", "/nope", "/api", "/api/", "/api/orders/x/y", "/%00", "/%FF", "/%2e%2e/health", "/.env"]
UNKNOWN += ["/health/x", "/api/payments/toss/orders", "/a" * 5000, "/" + "a" * 30_000]
UNKNOWN += ["*", "/%zz", "/payments;x=1", "/payments%20", "/Payments", "/wp-login.php"]


@pytest.mark.parametrize("target", UNKNOWN, ids=lambda target: target[:40])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE"])
def test_an_unknown_address(world: World, target: str, method: str) -> None:
    before = world.ledger.read()
    answer = world.wire.send(method, target, b"{}" if method == "POST" else None)
    assert (answer.status, world.ledger.read()) == (404, before)
    check_problem(answer, head=method == "HEAD")


def test_an_unknown_document(world: World) -> None:
    answer = world.wire.send("GET", "/schema/nope", key=None)
    assert answer.status == 404
    check_problem(answer)


def _not_ours(answer: Answer) -> None:
    """Refused by the HTTP server before anything of ours sees it: such a thing is no HTTP request."""
    assert answer.status in (400, 414, 431), answer
    assert answer.body == b""


def test_what_is_no_http_is_refused_by_the_server(world: World) -> None:
    before = world.ledger.read()
    for target in (
        b"/payments?userId=\xff",
        b"/payments?userId=\x01",
        b"/payments/\x00",
        b"/" + b"a" * 70_000,
        b"/a b",
    ):
        _not_ours(world.wire.send("GET", target))
        world.wire.close()
    lines = [b"User-Agent: a\x00b", b"X-A: \x01", b"no colon", b"\xff: x", b": x", b"X-A : b"]
    for line in lines:
        _not_ours(world.wire.send("GET", "/payments", headers=[line]))
        world.wire.close()
    _not_ours(world.wire.send("GET", "/payments", headers=[f"X-{number}: a" for number in range(200)]))
    for length in (b"abc", b"-1", b"1, 2", b"9" * 40):
        _not_ours(world.wire.send("POST", "/api/orders", headers=[b"Content-Length: " + length]))
        world.wire.close()
    assert world.ledger.read() == before


HEADERS: list[bytes] = [
    b"User-Agent: \xff\xfe",
    b"User-Agent: \xed\xa0\x80",
    b"User-Agent: \xed\x95\x9c",
    b"User-Agent: " + b"a" * 60_000,
    b"Accept: text/html",
    b"Accept: \xff",
    b"Accept: application/xml;q=1",
    b"Accept-Encoding: gzip, br, \xff",
    b"Content-Encoding: gzip",
    b"Cookie: a=\xff; b; =c; \xed\xa0\x80",
    b"X-Forwarded-For: 1.2.3.4, \xff, ::1",
    b"Host: \xff",
    b"Expect: something",
    b"Range: bytes=0-1",
    b"If-None-Match: *",
    b"X-HTTP-Method-Override: DELETE",
    b"Idempotency-Key: \xff",
    b"Upgrade: h2c",
    b"Origin: null",
    b"Traceparent: \xff",
    b"X-Long: " + b"a" * 60_000,
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header.decode("latin-1")[:30])
def test_an_odd_header_changes_nothing(world: World, header: bytes) -> None:
    answer = world.refused(None, "GET", "/payments?page=0", headers=[header])
    assert answer.json()["field"] == "page"
    answer = world.refused(None, "POST", "/api/orders", b'{"orderName": 1}', headers=[header])
    assert answer.json()["field"] == "orderName"
    assert world.wire.send("GET", "/payments?limit=1", headers=[header]).status == 200
