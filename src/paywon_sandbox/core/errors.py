"""Toss's error catalogue: code and endpoint to HTTP status and message, from data/error-codes.json."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec


class TossError(Exception):
    """A refusal by Toss's rules; the door turns the code into status and message."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ErrorRow(msgspec.Struct, frozen=True):
    """One published error: where, with which status and texts."""

    endpoint: str
    http_status: int | None
    code: str
    message_ko: str | None
    message_en: str | None = None
    basis: str = ""


@cache
def _rows() -> tuple[ErrorRow, ...]:
    raw = files("paywon_sandbox").joinpath("data/error-codes.json").read_bytes()
    return tuple(msgspec.json.decode(raw, type=list[ErrorRow]))


@cache
def _by_code() -> dict[str, list[ErrorRow]]:
    table: dict[str, list[ErrorRow]] = {}
    for row in _rows():
        table.setdefault(row.code, []).append(row)
    return table


def find(endpoint: str, code: str) -> ErrorRow | None:
    """The HTTP error `code` as this endpoint answers it; site-wide texts come second. None when unknown."""
    known = [row for row in _by_code().get(code, []) if row.http_status is not None]
    # Two codes were published without a text.
    rows = [row for row in known if row.message_ko] or known
    wanted = (endpoint, f"{endpoint.split(' ')[0]} *", "*")
    for place in wanted:
        for row in rows:
            if row.endpoint == place:
                return row
    return rows[0] if rows else None


def texts(endpoint: str, code: str) -> tuple[str, str]:
    """(Korean, English) message of a code; the code itself where nothing was published."""
    row = find(endpoint, code) or next(iter(_by_code().get(code, [])), None)
    if row is None or row.message_ko is None:
        return code, code
    english = row.message_en or next((r.message_en for r in _by_code()[code] if r.message_en), None)
    return row.message_ko, english or row.message_ko


def special(place: str, code: str) -> str:
    """Korean text of a code that is no HTTP error: `redirect failUrl`, `Payment.failure`."""
    return next((r.message_ko or code for r in _by_code().get(code, []) if r.endpoint == place), code)


def numbered_special(place: str, number: str) -> str | None:
    """The text that begins `[number]`, as those of the tax office do; None when there is none."""
    rows = (row for row in _rows() if row.endpoint == place and row.message_ko)
    return next((row.message_ko for row in rows if str(row.message_ko).startswith(f"[{number}]")), None)
