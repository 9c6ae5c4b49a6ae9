"""Anything at all at the webhook door: it never fails, takes nothing that it should not, and keeps what it takes."""

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from paywon.base.clock import SystemClock
from paywon.db.pool import Database
from paywon.operators.commands import create_api_key
from paywon.operators.model import Scope
from tests.conftest import Sandbox
from tests.http.wire import Answer, Wire
from tests.http.world import Loop, check_problem
from tests.support.databases import Template
from tests.support.stack import NO_LIMITS, Stack

PATH = "/payments/webhook"
TEXT_KEY, HEX_KEY = "a relay's secret: any text", "9b1f" * 16
KST = timezone(timedelta(hours=9))
SIGNATURE, SENT_AT = "tosspayments-webhook-signature", "tosspayments-webhook-transmission-time"
FUZZ = settings(
    max_examples=350,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass
class Gate:
    """A door with two keys, one payment that it knows, and a look past it into the database."""

    loop: Loop
    wire: Wire
    conn: "asyncpg.Connection[Any]"
    known: dict[str, str]

    def send(self, raw: bytes, headers: dict[str, bytes]) -> Answer:
        lines = [name.encode() + b": " + value for name, value in headers.items()]
        return self.wire.send("POST", PATH, raw, key=None, headers=lines)

    def kept(self, raw: bytes) -> tuple[str | None, str | None]:
        """What is stored of a body: the status of what was taken, and of what was rejected."""
        found = []
        for marked in (raw, b"rejected:" + raw):
            digest = hashlib.sha256(marked).digest()
            query = "SELECT status FROM webhook_events WHERE digest = $1"
            found.append(self.loop.run(self.conn.fetchval(query, digest)))
        return found[0], found[1]

    def count(self) -> int:
        found: int = self.loop.run(self.conn.fetchval("SELECT count(*) FROM webhook_events"))
        return found


@pytest.fixture(scope="module")
def gate(loop: Loop, template: Template, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    url = loop.run(template.copy())
    stack = Stack(
        database_url=url,
        sandbox_url=sandbox.url,
        toss_key=f"test_sk_{secrets.token_hex(12)}",
        api_key=loop.run(_key(url)),
        folder=tmp_path_factory.mktemp("gate"),
        settings={**NO_LIMITS, "TOSS_PAYMENTS_WEBHOOK_SECRET": f"{TEXT_KEY},{HEX_KEY}"},
    )
    loop.run(stack.open(worker=False))
    payment = loop.run(stack.paid())
    known = loop.run(stack.toss.get(f"/v1/payments/{payment['paymentKey']}")).body
    conn = loop.run(asyncpg.connect(url))
    wire = Wire(stack.ports[0], "")
    yield Gate(loop, wire, conn, {name: known[name] for name in ("orderId", "paymentKey", "secret")})
    wire.close()
    loop.run(conn.close())
    loop.run(stack.close())


async def _key(url: str) -> str:
    db = await Database.connect(url, max_connections=1, application_name="test")
    key = await create_api_key(db, name="test", scopes=list(Scope), expires_at=None, clock=SystemClock())
    await db.close()
    return key


# --- What is sent ---------------------------------------------------------------------------------------

KNOWN_ORDER, KNOWN_KEY, KNOWN_SECRET = "{orderId}", "{paymentKey}", "{secret}"
WORDS = st.sampled_from([KNOWN_ORDER, KNOWN_KEY, KNOWN_SECRET, "ORD-1737120000000-7K3M9QW2", "DONE", ""])
NAMES = st.sampled_from(
    ["eventType", "data", "entityBody", "orderId", "paymentKey", "transactionKey", "secret", "status", "billingKey"]
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
EVENTS = st.sampled_from(["PAYMENT_STATUS_CHANGED", "CANCEL_STATUS_CHANGED", "BILLING_DELETED", "payout.changed", "x"])
ENVELOPES = (
    st.fixed_dictionaries({"eventType": EVENTS, "data": st.dictionaries(NAMES, WORDS | ANY, max_size=5)})
    | st.fixed_dictionaries({"eventType": EVENTS, "entityBody": ANY, "createdAt": ANY})
    | st.fixed_dictionaries({"secret": WORDS, "transactionKey": st.text(min_size=1, max_size=9), "orderId": WORDS})
    | st.dictionaries(NAMES, ANY, max_size=5)
)
# What JSON allows and nobody means, put behind the first brace or in the place of a text.
ODD_MEMBERS = st.sampled_from(
    [
        b'"eventType":"PAYMENT_STATUS_CHANGED",',
        b'"eventType":null,',
        b'"secret":"x",',
        b'"a":"\\ud800",',
        b'"\\udfff\\ud83d":1,',
        b'"a":"\\u0000",',
        b'"\x00":1,',
        b'"a":1e999999,',
        b'"a":-0.0,',
        b'"a":' + b"9" * 400 + b",",
        b'"a":' + b"[" * 70 + b"]" * 70 + b",",
        b'"a":' + b'{"a":' * 63 + b"1" + b"}" * 63 + b",",
        b'"a":NaN,',
        b'"a":0x1F,',
        b"/* x */",
        b'"orderId":"\xed\xa0\x80",',
    ]
)
CODECS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp949"])


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A webhook, or what may be left of one."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200) | ANY.map(lambda value: json.dumps(value).encode()))
    text = json.dumps(draw(ENVELOPES), ensure_ascii=draw(st.booleans()))
    raw = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        raw = raw.replace(b"{", b"{" + draw(ODD_MEMBERS), 1)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at, length = draw(st.integers(0, len(raw))), draw(st.integers(0, 3))
        raw = raw[:at] + draw(st.binary(max_size=3)) + raw[at + length :]
    if draw(st.integers(0, 9)) == 0:
        raw = raw.decode("utf-8", "replace").encode(draw(CODECS), "replace")
    return raw


HEADER_BYTES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=60)
WHOLE_SIGNATURES = ("text", "hex text", "hex bytes", "two", "ours")
SIGNERS = st.sampled_from(["none", "none", *WHOLE_SIGNATURES, "both", "stale", "another key", "cut", "noise", "empty"])


def signed(raw: bytes, signer: str, noise: str) -> dict[str, bytes]:
    """The headers of somebody who signs so, or pretends to."""
    now = datetime.now(KST)
    sent_at = (now - timedelta(hours=2) if signer == "stale" else now).isoformat(timespec="seconds").encode()
    keys = {"text": [TEXT_KEY.encode()], "hex bytes": [bytes.fromhex(HEX_KEY)], "two": [b"old", HEX_KEY.encode()]}
    keys |= {"another key": [b"another"], "hex text": [HEX_KEY.encode()]}
    by_toss = b",".join(_item(raw, sent_at, key) for key in keys.get(signer, [TEXT_KEY.encode()]))
    by_us = hmac.digest(HEX_KEY.encode(), raw, "sha256").hex().encode()
    match signer:
        case "none":
            return {}
        case "ours":
            return {"toss-signature": by_us}
        case "both":
            return {"toss-signature": noise.encode("latin-1"), SIGNATURE: by_toss, SENT_AT: sent_at}
        case "cut":
            return {SIGNATURE: by_toss[:-5], SENT_AT: sent_at}
        case "noise":
            return {SIGNATURE: noise.encode("latin-1"), SENT_AT: sent_at}
        case "empty":
            return {SIGNATURE: b""}
    return {SIGNATURE: by_toss, SENT_AT: sent_at}


def _item(raw: bytes, sent_at: bytes, key: bytes) -> bytes:
    return b"v1:" + base64.b64encode(hmac.digest(key, raw + b":" + sent_at, hashlib.sha256))


# --- What must come of it -------------------------------------------------------------------------------


@FUZZ
@given(raw=bodies(), signer=SIGNERS, noise=HEADER_BYTES)
@example(raw=b'{"eventType":"payout.changed"}', signer="none", noise="")
@example(raw=b'{"eventType":"payout.changed"}', signer="hex bytes", noise="")
@example(raw=b'{"eventType":"x","a":"\\ud800"}', signer="ours", noise="")
def test_the_door_takes_what_it_should_and_keeps_what_it_takes(gate: Gate, raw: bytes, signer: str, noise: str) -> None:
    for name, value in gate.known.items():
        raw = raw.replace(b"{" + name.encode() + b"}", value.encode())
    before, rows = gate.kept(raw), gate.count()
    answer = gate.send(raw, signed(raw, signer, noise))
    taken, rejected = gate.kept(raw)
    if answer.status == 200:
        assert signer in ("none", *WHOLE_SIGNATURES)
        assert signer != "none" or not _must_be_signed(raw)
        assert signer != "none" or not _has_a_wrong_secret(gate, raw)
        assert taken not in (None, "rejected")
        assert answer.json() == {"received": True, "repeated": before[0] is not None}
        return
    check_problem(answer)
    code = answer.json()["code"]
    assert (answer.status, code) in [(400, "WEBHOOK_MALFORMED"), (401, "WEBHOOK_REJECTED"), (429, "TOO_MANY_REQUESTS")]
    assert taken == before[0], "what was not answered 200 is not taken"
    if code == "WEBHOOK_REJECTED":
        assert rejected == "rejected"
        assert signer not in WHOLE_SIGNATURES, "what is signed as it should is believed"
    else:
        assert gate.count() == rows


def _read(raw: bytes) -> dict[str, Any]:
    """As the standard library reads it: the last of two members of one name counts."""
    value: dict[str, Any] = json.loads(raw)
    return value


def _must_be_signed(raw: bytes) -> bool:
    return _read(raw).get("eventType") in ("payout.changed", "seller.changed")


def _has_a_wrong_secret(gate: Gate, raw: bytes) -> bool:
    """A deposit's callback (flat, without eventType) about the order that is known, with another's secret."""
    body = _read(raw)
    about = "eventType" not in body and body.get("orderId") == gate.known["orderId"]
    return about and body.get("secret") != gate.known["secret"]


def test_the_border_between_body_and_time_cannot_be_moved(gate: Gate) -> None:
    """Both are signed with a colon between them, and a time has colons."""
    raw, sent_at = b'{"eventType":"payout.changed"}', datetime.now(KST).isoformat(timespec="seconds").encode()
    item = _item(raw, sent_at, TEXT_KEY.encode())
    for match in re.finditer(b":", sent_at):
        moved, rest = raw + b":" + sent_at[: match.start()], sent_at[match.end() :]
        assert _item(moved, rest, TEXT_KEY.encode()) == item
        answer = gate.send(moved, {SIGNATURE: item, SENT_AT: rest})
        assert (answer.status, answer.json()["code"]) == (400, "WEBHOOK_MALFORMED")
    assert gate.send(raw, {SIGNATURE: item, SENT_AT: sent_at}).status == 200
