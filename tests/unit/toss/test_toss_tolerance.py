"""Every JSON type in every field of every body of Toss's: what is not needed hides nothing, what is needed is named."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from paywon.toss import wire
from paywon.toss.body import MalformedBody, read
from paywon.toss.webhooks import parse_webhook

pytestmark = pytest.mark.unit

FIXTURES = Path(__file__).parents[2] / "fixtures" / "toss"
ODD: list[Any] = [
    None,
    True,
    7,
    7.5,
    "이상한 글",
    "a\x00b",
    "",
    [],
    [7],
    {},
    {"a": {"b": 1}},
    10**30,
    "2024-99-99T00:00:00",
    "\ud800",
    -(2**63) - 1,
]
ODD_ROWS: list[Any] = [None, 7, "x", [], {}]
SHAPES: list[tuple[str, Any]] = [
    ("payment-", wire.Payment),
    ("billing-", wire.Billing),
    ("transactions-list", list[wire.Transaction]),
    ("settlements-list", list[wire.Settlement]),
    ("cash-receipts-list", wire.CashReceiptPage),
    ("cash-receipt-", wire.CashReceipt),
    ("promotions-card", wire.CardPromotions),
    ("promotions-list", list[wire.Promotion]),
    ("settlement-request-result", wire.SettlementRequested),
]
MONEY = ("payment_key", "order_id", "status", "currency", "total_amount", "balance_amount")


def _bodies() -> Iterator[Any]:
    for path in sorted(FIXTURES.glob("*.json")):
        shape = next((shape for prefix, shape in SHAPES if path.name.startswith(prefix)), None)
        if shape is not None:
            yield pytest.param(json.loads(path.read_bytes()), shape, id=path.stem)


def _with(body: Any, place: tuple[Any, ...], value: Any) -> Any:
    """Copy a body with another value in one place."""
    if not place:
        return value
    copy = list(body) if isinstance(body, list) else dict(body)
    copy[place[0]] = _with(body[place[0]], place[1:], value)
    return copy


def _places(body: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Name every member and entry of a body, at any depth."""
    members = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in members:
        yield (*place, name)
        yield from _places(value, (*place, name))


def _required(shape: Any) -> set[str]:
    fields = msgspec.structs.fields(shape)
    either = {"supplyAmount"} if shape is wire.Settlement else set()
    return {field.encode_name for field in fields if field.required} | either


@pytest.mark.parametrize(("body", "shape"), list(_bodies()))
def test_what_a_body_does_not_need_may_be_anything(body: Any, shape: Any) -> None:
    row_shape = get_args(shape)[0] if get_args(shape) else shape
    for place in _places(body):
        names = place[1:] if isinstance(body, list) else place
        needed = len(names) == 1 and names[0] in _required(row_shape)
        for odd in ODD:
            raw = json.dumps(_with(body, place, odd)).encode()
            if len(names) == 0 or needed:
                _is_named_or_fits(raw, shape, str(names[0]) if names else f"[{place[0]}]", odd)
            else:
                _money_is_right(read(raw, shape).value, body, place, odd)


def _is_named_or_fits(raw: bytes, shape: Any, name: str, odd: Any) -> None:
    """Either the value fits, or the reason names the field: of a row in what was lost, of a body in the error."""
    try:
        found = read(raw, shape)
    except MalformedBody as error:
        assert name in error.reason, error.reason
        return
    assert found.lost or not (odd is None or isinstance(odd, dict)), f"{name} is needed, and takes {odd!r}"
    assert all(name in f"{lost} {lost.entry}" for lost in found.lost)


def _money_is_right(value: Any, body: Any, place: tuple[Any, ...], odd: Any) -> None:
    if isinstance(value, wire.Payment):
        names = {name: field.encode_name for name, field in zip(MONEY, _money_fields(), strict=True)}
        assert {name: getattr(value, name) for name in MONEY} == {name: body[names[name]] for name in MONEY}
    elif isinstance(value, list):
        assert len(value) == len(body), f"{place} with {odd!r} hides a row"


def _money_fields() -> list[Any]:
    fields = {field.name: field for field in msgspec.structs.fields(wire.Payment)}
    return [fields[name] for name in MONEY]


@pytest.mark.parametrize("name", ["transactions-list", "settlements-list", "promotions-list"])
def test_a_row_that_cannot_be_read_hides_no_other_and_is_counted(name: str) -> None:
    shape = next(shape for prefix, shape in SHAPES if name.startswith(prefix))
    rows = json.loads((FIXTURES / f"{name}.json").read_bytes())
    whole = read(json.dumps(rows).encode(), shape).value
    for odd in ODD_ROWS:
        found = read(json.dumps([*rows[:1], odd, *rows[1:]]).encode(), shape)
        assert found.value == whole
        assert [lost.entry for lost in found.lost] == ["[1]"]


def test_an_odd_entry_of_a_list_is_left_out_alone() -> None:
    body = json.loads((FIXTURES / "payment-card-partial-canceled-twice.json").read_bytes())
    for odd in ODD_ROWS[:-1]:
        found = read(json.dumps(body | {"cancels": [odd, *body["cancels"]]}).encode(), wire.Payment)
        assert [cancel.transaction_key for cancel in found.value.cancels or []] == [
            entry["transactionKey"] for entry in body["cancels"]
        ]
        assert [lost.entry for lost in found.lost] == ["cancels[0]"]


def test_text_of_another_encoding_hides_no_payment() -> None:
    body = json.loads((FIXTURES / "payment-card-done.json").read_bytes()) | {"orderName": "NAME"}
    for text in ("토스 티셔츠".encode("euc-kr"), b"\xff\xfe"):
        value = read(json.dumps(body).encode().replace(b"NAME", text), wire.Payment).value
        assert (value.status, value.balance_amount) == (body["status"], body["balanceAmount"])


@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.glob("webhook-*.json")))
def test_what_a_webhook_does_not_need_may_be_anything(name: str) -> None:
    body = json.loads((FIXTURES / name).read_bytes())["body"]
    told = parse_webhook(json.dumps(body).encode())
    needed = {("eventType",), *[(*place, key) for place in ((), ("data",), ("data", "payment")) for key in _NAMES]}
    for place in _places(body):
        # What holds the names is needed like they are; so are the three marks of an event without a type.
        if place in needed or place in (("data",), ("data", "payment"), ("entityBody",)) or "eventType" not in body:
            continue
        for odd in ODD:
            again = parse_webhook(json.dumps(_with(body, place, odd)).encode())
            assert (again.event_type, again.payment_key, again.order_no) == (
                told.event_type,
                told.payment_key,
                told.order_no,
            )


_NAMES = ("paymentKey", "orderId")


def test_a_sign_that_no_column_holds_is_left_out_alone() -> None:
    body = json.loads((FIXTURES / "payment-card-done.json").read_bytes()) | {
        "method": "카\x00드",
        "metadata": {"\x00": 1},
    }
    found = read(json.dumps(body).encode(), wire.Payment)
    assert (found.value.method, found.value.metadata, found.value.status) == (None, None, body["status"])
    assert {str(lost) for lost in found.lost} == {"method: holds NUL", "metadata: holds NUL"}
