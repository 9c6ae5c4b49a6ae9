"""Kinds of settings that a plain ``str`` is too wide for, and what is said of a wrong value in both languages."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_HOST: Final = re.compile(r"[A-Za-z0-9:]([A-Za-z0-9.:-]*[A-Za-z0-9:])?")
_FAMILIES: Final = ("PAYWON_", "TOSS_PAYMENTS_")
_OF_TESTS: Final = "PAYWON_TEST_"
# Read by commands and examples beside the service's own settings.
_FURTHER: Final = frozenset({"PAYWON_SANDBOX_PORT", "PAYWON_EVENT_SECRET"})

_NUMBER: Final = "숫자여야 합니다 / has to be a number"
_WORDS: Final = {
    "missing": "없습니다. 환경 변수나 .env에 넣으세요 / is not set; put it into the environment or .env",
    "int_parsing": "정수여야 합니다 / has to be a whole number",
    "int_parsing_size": "너무 큰 수입니다 / is too large a number",
    "int_from_float": "정수여야 합니다 / has to be a whole number",
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_parsing": "true 또는 false여야 합니다 / has to be true or false",
    "greater_than": "{gt}보다 커야 합니다 / has to be greater than {gt}",
    "greater_than_equal": "{ge} 이상이어야 합니다 / has to be {ge} or more",
    "less_than": "{lt}보다 작아야 합니다 / has to be less than {lt}",
    "less_than_equal": "{le} 이하여야 합니다 / has to be {le} or less",
    "enum": "고를 수 있는 값 / has to be one of: {expected}",
}


def words_of(item: "ErrorDetails") -> str:
    """Return what is said of a wrong value: our own words, or pydantic's error in both languages."""
    words = _WORDS.get(item["type"])
    if words is None:
        return item["msg"].removeprefix("Value error, ")
    return words.format(**item.get("ctx", {}))


def unknown_among(names: Iterable[str], known: Iterable[str]) -> dict[str, str | None]:
    """Return the names that look like ours and are no setting, each with the nearest one that is."""
    every = {*known, *_FURTHER}
    ours = [name for name in names if name.startswith(_FAMILIES) and not name.startswith(_OF_TESTS)]
    return {
        name: next(iter(get_close_matches(name, every, n=1, cutoff=0.75)), None)
        for name in sorted(ours)
        if name not in every
    }


def _level(text: str) -> str:
    if text.upper() not in _LEVELS:
        raise ValueError(f"고를 수 있는 값 / has to be one of: {', '.join(_LEVELS)}")
    return text.upper()


def _web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            "http://나 https://로 시작하는 주소여야 합니다 / has to be an address that begins with https://"
        )
    return url


def _host(text: str) -> str:
    # A name that looks like an address with its port would be looked up as a name.
    if not _HOST.fullmatch(text) or text.count(":") == 1:
        raise ValueError("포트 없이 이름이나 IP 주소만 / has to be a name or an IP address, without a port")
    return text


LogLevel: TypeAlias = Annotated[str, AfterValidator(_level)]
WebAddress: TypeAlias = Annotated[str, AfterValidator(_web_address)]
HostName: TypeAlias = Annotated[str, AfterValidator(_host)]


def told(unknown: Mapping[str, str | None]) -> str:
    """Return a line about names that no setting has."""
    each = ", ".join(f"{name} (→ {near})" if near else name for name, near in unknown.items())
    return f"없는 설정입니다: {each} / no such setting"
