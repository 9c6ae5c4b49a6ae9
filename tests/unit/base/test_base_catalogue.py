"""The catalogue of errors is complete, and nothing in it is idle."""

import ast
import re
import string
from pathlib import Path

import pytest

import paywon
from paywon.base.catalogue import CATALOGUE, kind_of, message_of
from paywon.base.errors import ErrorKind, PaywonError

pytestmark = pytest.mark.unit

SOURCE = Path(paywon.__file__).parent
_CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")


def _trees() -> list[ast.Module]:
    return [ast.parse(file.read_text()) for file in sorted(SOURCE.rglob("*.py")) if file.name != "catalogue.py"]


def _raised() -> set[str]:
    """The codes that stand in ``PaywonError("…")``."""
    calls = [node for tree in _trees() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    first = [call.args[0] for call in calls if getattr(call.func, "id", "") == "PaywonError" and call.args]
    return {arg.value for arg in first if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}


def _texts() -> set[str]:
    constants = [node.value for tree in _trees() for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {value for value in constants if isinstance(value, str) and _CODE.fullmatch(value)}


def test_every_code_that_is_raised_is_in_the_catalogue() -> None:
    raised = _raised()
    assert len(raised) > 20
    assert raised <= set(CATALOGUE)


def test_every_code_in_the_catalogue_is_used() -> None:
    # Some are chosen from a table, so any mention as a text counts.
    assert set(CATALOGUE) - _texts() == set()


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_code_has_words_in_both_languages(code: str) -> None:
    text = CATALOGUE[code]
    assert _CODE.fullmatch(code)
    assert re.search("[가-힣]", text.ko)
    assert text.en.isascii() or "…" in text.en or "국민은행" in text.en
    assert _placeholders(text.ko) - {"hint_ko"} == _placeholders(text.en) - {"hint_en"}
    for words in (text.ko, text.en):
        assert words.rstrip("}").rstrip().endswith((".", "{hint_ko", "{hint_en")), words


def test_words_are_filled_and_blanks_stay_blank() -> None:
    error = PaywonError("AMOUNT_MISMATCH", expected_krw="50,000")
    assert "50,000원" in message_of(error)
    assert "50,000 KRW" in message_of(error, english=True)
    assert message_of(PaywonError("INVALID_REQUEST")) == "잘못된 요청입니다."
    assert kind_of(error) is ErrorKind.UNPROCESSABLE


def test_a_value_from_outside_is_never_a_template() -> None:
    error = PaywonError("INVALID_REQUEST", hint_ko="{0} {expected_krw} %s {hint_ko.__class__}", hint_en="{")
    assert message_of(error) == "잘못된 요청입니다. {0} {expected_krw} %s {hint_ko.__class__}"
    assert message_of(error, english=True) == "The request is not valid. {"


def test_every_kind_is_a_status_of_its_own() -> None:
    statuses = [kind.value for kind in ErrorKind]
    assert len(set(statuses)) == len(statuses)
    # 202 says that nobody knows yet: something may have happened, so it is no error.
    assert all(400 <= status < 600 or status == 202 for status in statuses)
    assert {text.kind for text in CATALOGUE.values()} == set(ErrorKind)


def _placeholders(words: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name}
