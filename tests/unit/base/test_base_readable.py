"""Texts that people read: what looks alike is alike."""

import sys
import unicodedata

import pytest

from paywon.base.readable import is_readable


@pytest.mark.parametrize(
    "text",
    [
        "책",
        "병원 예약 (11월)",
        '=HYPERLINK("x")',
        "👍",
        "👍🏽 좋아요",
        "가족 👨‍👩‍👧‍👦 사진",
        "❤️",
        "❤️‍🔥",
        "1️⃣ 첫째",
        "©️",
        "🏳️‍🌈",
        "é é",
        "한글",
        "日本語",
        "a b",
    ],
)
def test_what_people_write_is_taken(text: str) -> None:
    assert is_readable(text)


@pytest.mark.parametrize(
    "text", ["", " ", "\u3000", "a\u200db", "👍\u200d", "\u200d👍", "👍\u200da", "a\ufe0f", "가\u3164나", "\u2800"]
)
def test_what_nobody_sees_is_not(text: str) -> None:
    assert not is_readable(text)


def test_no_format_control_or_private_sign_is_taken() -> None:
    """Every code point of Unicode below the private planes, by what Unicode says of it."""
    bad = {"Cc", "Cf", "Co", "Zl", "Zp"}
    wrong = [hex(n) for n in range(0xF0000) if unicodedata.category(chr(n)) in bad and is_readable(f"a{chr(n)}b")]
    assert wrong == []


def test_letters_and_digits_and_signs_of_every_script_are_taken() -> None:
    invisible = {0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0}
    good = {
        "Lu",
        "Ll",
        "Lt",
        "Lo",
        "Lm",
        "Nd",
        "Nl",
        "No",
        "Pc",
        "Pd",
        "Ps",
        "Pe",
        "Pi",
        "Pf",
        "Po",
        "Sm",
        "Sc",
        "Sk",
        "So",
    }
    wrong = [
        hex(n)
        for n in range(sys.maxunicode + 1)
        if unicodedata.category(chr(n)) in good and n not in invisible and not is_readable(f"a{chr(n)}b")
    ]
    assert wrong == []
