"""docs/specifications.md and the tests of its rows: neither says what the other does not."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from tests.docs.pages import ROOT, page, table

PACKAGE = "tests/acceptance/specifications"
PAGE = page("docs/specifications.md")
VERDICTS = ("works", "differs", "partly", "no", "planned")
# How many rows the line-by-line reading of each part found.
ROWS = {
    "Specification 1: payments of a pet hospital": 128,
    "Specification 2: Toss for time capsules": 65,
    "Specification 2 as the React Native client": 11,
    "The real front ends, unchanged (counted apart)": 17,
}
_TWO, _ONE = "pc2|g2|p2|b2|a2|s2", "fl|rf|se|tp|tt|er|te|pc|rn|cl|f|a|e|r|c|g|w|o|m"
_ROW = re.compile(rf"({_TWO})_(\d+)_|({_ONE})(\d+)_")


def _rows(text: str) -> list[list[str]]:
    return table(text, first="row")


def _verdict(row: list[str]) -> str:
    return row[3].split(":")[0]


def _named(row: list[str]) -> list[str]:
    """Return the tests that a row names, with their folders."""
    found: list[str] = re.findall(r"`(\S+\.py::[^`]+)`", row[4])
    return [name if "/" in name else f"{PACKAGE}/{name}" for name in found]


def _functions(file: Path) -> set[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, kinds) and node.name.startswith("test_")}


def _rows_in(function: str) -> set[str]:
    """Return the rows that a test's name begins with: ``test_g2_10_rn3_an_order…`` is G2-10 and RN3."""
    rest, found = function.removeprefix("test_"), set()
    while said := _ROW.match(rest):
        found.add(f"{said[1]}-{said[2]}".upper() if said[1] else f"{said[3]}{said[4]}".upper())
        rest = rest[said.end() :]
    return found


@pytest.mark.parametrize("part", ROWS)
def test_the_summary_counts_the_rows(part: str) -> None:
    section = PAGE.split(f"\n## {part}\n", 1)[1].split("\n## ", 1)[0]
    counted = Counter(_verdict(row) for row in _rows(section))
    assert set(counted) <= set(VERDICTS)
    (told,) = [row for row in table(PAGE, first="part") if row[0] == part]
    assert told[1:] == [*(str(counted[verdict]) for verdict in VERDICTS), str(ROWS[part])]


def test_the_sum_is_that_of_both_specifications() -> None:
    *parts, total, _ = table(PAGE, first="part")
    sums = [sum(int(row[place]) for row in parts) for place in range(1, len(total))]
    assert (total[0], [int(cell) for cell in total[1:]]) == ("**both specifications**", sums)


def test_no_row_stands_twice() -> None:
    names = [row[0] for row in _rows(PAGE)]
    assert len(names) == len(set(names)) == sum(ROWS.values())


@pytest.mark.parametrize("row", _rows(PAGE), ids=lambda row: row[0])
def test_a_row_is_held_by_tests_that_exist(row: list[str]) -> None:
    tests = _named(row)
    assert bool(tests) or _verdict(row) in ("partly", "no", "planned")
    for test in tests:
        path, name = test.split("::")
        function, _, parameter = name.partition("[")
        assert function in _functions(ROOT / path), test
        if parameter:
            assert f'"{parameter.removesuffix("]")}":' in (ROOT / path).read_text(encoding="utf-8"), test
        elif path.startswith(PACKAGE):
            assert row[0] in _rows_in(function) or row[0] == "CL2", test


@pytest.mark.parametrize("row", _rows(PAGE), ids=lambda row: row[0])
def test_what_is_not_simply_so_says_why(row: list[str]) -> None:
    verdict, _, why = row[3].partition(": ")
    assert bool(why) == (verdict != "works")
    assert ("](" in why) == (verdict == "differs")


def test_every_test_of_the_package_holds_a_row_of_the_page() -> None:
    held = {test.partition("[")[0] for row in _rows(PAGE) for test in _named(row)}
    there = {
        f"{PACKAGE}/{file.name}::{function}"
        for file in (ROOT / PACKAGE).glob("test_*.py")
        for function in _functions(file)
    }
    assert there - held == set()
