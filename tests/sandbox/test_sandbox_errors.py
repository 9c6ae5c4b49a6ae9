"""Every published error can be brought about, with its status and its text."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.causes import LEVERS, REAL
from tests.sandbox.client import Answer, Toss, new_order_id

ROWS = json.loads((Path(__file__).parent.parent / "fixtures/toss/error-codes.json").read_text(encoding="utf-8"))
PUBLISHED = {"table", "guide", "measured", "guide+measured"}
WANTED = [row for row in ROWS if row["basis"] in PUBLISHED]
OVER_HTTP = [row for row in WANTED if row["http_status"] is not None]
TAX_OFFICE = [row for row in WANTED if row["http_status"] is None]


def how(row: dict[str, Any]) -> str:
    place = (row["endpoint"], row["code"])
    if place in REAL:
        return "real cause"
    return "lever of the control door" if place in LEVERS else "Test-Code"


def name(row: dict[str, Any]) -> str:
    return f"{row['endpoint'].replace(' ', '_')}-{row['code']}"


async def by_test_code(toss: Toss, row: dict[str, Any], **headers: str) -> Answer:
    method, _, path = row["endpoint"].partition(" ")
    for part in ("{paymentKey}", "{orderId}", "{billingKey}"):
        path = path.replace(part, "any-thing")
    body: object = {} if method == "POST" else None
    return await toss.call(method, path, body, headers={"tosspayments-test-code": row["code"]} | headers)


@pytest.mark.parametrize("row", OVER_HTTP, ids=name)
async def test_an_error_as_published(toss: Toss, row: dict[str, Any]) -> None:
    place = (row["endpoint"], row["code"])
    cause = REAL.get(place) or LEVERS.get(place)
    answer = await cause(toss) if cause else await by_test_code(toss, row)
    assert (answer.status, answer.json) == (
        row["http_status"],
        {"code": row["code"], "message": row["message_ko"]},
    )
    if cause and "*" not in row["endpoint"] and "/card" not in row["endpoint"]:
        assert (await by_test_code(toss, row)).json == answer.json


@pytest.mark.parametrize("row", TAX_OFFICE, ids=lambda row: str(row["message_ko"][1:4]))
async def test_what_the_tax_office_finds_wrong(toss: Toss, row: dict[str, Any]) -> None:
    body = {"amount": 15000, "orderId": new_order_id(), "orderName": "셔츠", "type": "소득공제"}
    receipt = await toss.ok("/v1/cash-receipts", body | {"customerIdentityNumber": "01012341234"})
    reason = row["message_ko"][1:4]
    await toss.ok(f"/sandbox/cash-receipts/{receipt['receiptKey']}/outcome", {"outcome": "FAILED", "reason": reason})
    await toss.advance(86_401)
    [found] = (await toss.get(f"/v1/cash-receipts?requestDate={receipt['requestedAt'][:10]}")).json["data"]
    assert found["failure"] == {"code": row["code"], "message": row["message_ko"]}


async def test_english_texts(toss: Toss) -> None:
    tried = 0
    for row in OVER_HTTP:
        if row.get("message_en") and "*" not in row["endpoint"]:
            answer = await by_test_code(toss, row, **{"accept-language": "en-US"})
            assert answer.json == {"code": row["code"], "message": row["message_en"]}
            tried += 1
    print(f"English texts: {tried}")  # noqa: T201


def test_the_count_of_each_kind() -> None:
    """Printed with -s; no row is left over, and no cause is for a row that does not exist."""
    counts = Counter(how(row) for row in OVER_HTTP)
    counts["lever of the control door"] += len(TAX_OFFICE)
    print(dict(counts), "of", len(WANTED))  # noqa: T201
    assert counts.total() == len(WANTED) == 109
    assert {*REAL, *LEVERS} <= {(row["endpoint"], row["code"]) for row in OVER_HTTP}
    assert not REAL.keys() & LEVERS.keys()
