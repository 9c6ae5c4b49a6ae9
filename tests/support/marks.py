"""Marked numbers and people: whatever of them is found where it must not be is found by its own text."""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

# Cards that pass every check, of several issuers; no one else's numbers in the tests.
CARDS: Final = ("4929381332664295", "5425233430109903", "374245455400126", "3566111111111113", "6011601160116611")
ACCOUNT: Final = "86420975318642"
IDENTITY: Final = "01077553311"
BUSINESS: Final = "7755331199"
CVC: Final = "cvc-9317"
NAME: Final = "독고탁표시"
EMAIL: Final = "marked.person@mail.example"
PHONE: Final = "01088664422"
PEOPLE: Final = (NAME, EMAIL, PHONE)
NUMBERS: Final = (*CARDS, ACCOUNT, IDENTITY, BUSINESS, CVC)


@dataclass(frozen=True)
class Found:
    """A mark that stands somewhere."""

    where: str
    mark: str


def marks_in(text: str | bytes, marks: Iterable[str] = (*NUMBERS, *PEOPLE)) -> set[str]:
    """Which marks stand in something, in any spelling that a program may have given them."""
    raw = text.encode() if isinstance(text, str) else text
    return {mark for mark in marks if any(spelling in raw for spelling in _spellings(mark))}


def _spellings(mark: str) -> Iterator[bytes]:
    yield mark.encode()
    yield mark.encode().hex().encode()
    yield base64.b64encode(mark.encode()).rstrip(b"=")[:-1]
    yield json.dumps(mark)[1:-1].encode()
    if mark.isdigit():
        for separator in (b" ", b"-", b"."):
            yield separator.join(mark[place : place + 4].encode() for place in range(0, len(mark), 4))


async def marks_in_database(url: str) -> set[Found]:
    """Search every column of every row of every table, bytes as they are, documents and lists as text."""
    conn = await asyncpg.connect(url)
    try:
        columns = await conn.fetch(
            """
            SELECT c.relname AS table, a.attname AS name, a.atttypid = 'bytea'::regtype AS bytes
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'm')
            """
        )
        found = set()
        for column in columns:
            shown = f'"{column["name"]}"' + ("" if column["bytes"] else "::text")
            for row in await conn.fetch(f'SELECT {shown} AS held FROM "{column["table"]}"'):  # noqa: S608
                where = f"{column['table']}.{column['name']}"
                found |= {Found(where, mark) for mark in marks_in(row["held"] or b"")}
        return found
    finally:
        await conn.close()


def marks_in_files(files: Iterable[Path]) -> set[Found]:
    """Search what programs wrote."""
    return {Found(file.name, mark) for file in files for mark in marks_in(file.read_bytes())}


def marked_payment(order_no: str, payment_key: str) -> dict[str, Any]:
    """A Payment as Toss posts it, with everything in it in clear that Toss would mask, and more."""
    person = {"customerName": NAME, "customerEmail": EMAIL, "customerMobilePhone": {"plain": PHONE, "masked": PHONE}}
    return {
        "paymentKey": payment_key,
        "orderId": order_no,
        "orderName": f"카드 {CARDS[0]} 결제",
        "status": "DONE",
        "card": {"number": CARDS[1], "cardNumber": {"value": CARDS[1]}, "cvc": CVC, "card_expiration_year": CVC},
        "cancels": [{"cancelReason": f"환불 {CARDS[2]}", "refundReceiveAccount": {"accountNumber": ACCOUNT}}],
        "virtualAccount": {
            "accountNumber": CARDS[3],
            "customerName": NAME,
            "refundReceiveAccount": {"accountNumber": int(ACCOUNT), "holderName": NAME, "bankCode": "06"},
        },
        "cashReceipt": {"customerIdentityNumber": IDENTITY, "businessNumber": BUSINESS},
        "mobilePhone": {"customerMobilePhone": PHONE, "settlementStatus": "COMPLETED"},
        "individual": {"name": NAME, "email": EMAIL, "phone": PHONE},
        "metadata": {CARDS[4]: "x", "memo": [f"{CARDS[4]}"], "number": int(CARDS[4])},
        **person,
    }
