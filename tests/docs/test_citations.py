"""What the code and the pages cite is there: the reference of Toss, decisions, chapters, files, functions."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.docs.pages import ROOT, anchors, page

from paywon.outbox.model import EventType

SOURCES = sorted(
    file
    for folder in ("src", "tests", "examples", "script")
    for file in (ROOT / folder).rglob("*")
    if file.is_file()
    and file.suffix in ("", ".py", ".sql", ".md", ".html", ".css", ".js")
    and "node_modules" not in file.parts
)
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
# Pages that name what is in the code, not what is in the answers of an API.
BUILDERS = [ROOT / "docs/ARCHITECTURE.md", *sorted((ROOT / "docs/adr").glob("*.md"))]
# A page of the reference of Toss, and the chapters of it that are meant.
_TOSS = re.compile(
    r"(?<!fixtures/)toss/(?P<page>\w+)\.md(?P<chapters>(?:,? (?:Appendix [A-Z]|\d+(?:\.\d+)?\b)(?![\d-]))*)"
)
_BARE = re.compile(r"(?<![\w/.-])(?:api|webhooks|codes)\.md")
_PATH = re.compile(r"`((?:src|tests|docs|script|examples|toss)/[\w./-]+|(?:[\w-]+/)*[\w-]+\.py)`")
_MEMBER = re.compile(r"`((?:[A-Za-z_]+\.)+(?!(?:json|md|py|sql|sqlite|toml|yaml)`)[A-Za-z_]+)(?:\(\))?`")


def _texts() -> Iterator[tuple[str, str]]:
    for file in [*SOURCES, *PAGES]:
        if file != Path(__file__):
            yield str(file.relative_to(ROOT)), file.read_text(encoding="utf-8", errors="replace")


@cache
def _chapters(name: str) -> set[str]:
    return set(re.findall(r"^#+ (Appendix [A-Z]|\d+(?:\.\d+)?)\b", page(f"docs/toss/{name}.md"), re.M))


def test_the_reference_of_toss_says_what_is_cited() -> None:
    cited = [(where, found) for where, text in _texts() for found in _TOSS.finditer(text)]
    assert len(cited) > 300
    for where, found in cited:
        assert (ROOT / f"docs/toss/{found['page']}.md").is_file(), (where, found[0])
        for chapter in re.findall(r"Appendix [A-Z]|\d+(?:\.\d+)?", found["chapters"]):
            assert chapter in _chapters(found["page"]), (where, found[0])


@pytest.mark.parametrize("file", ["src", "tests"])
def test_nobody_cites_a_page_that_is_not_there(file: str) -> None:
    for where, text in _texts():
        if where.startswith(file) and not where.startswith("tests/docs"):
            assert not _BARE.search(text), where
            assert not re.search(r"\bDESIGN\b", text), where


def test_decisions_and_chapters_that_are_cited_exist() -> None:
    numbers = {file.name[:4] for file in (ROOT / "docs/adr").glob("*.md")}
    headings = anchors(page("docs/ARCHITECTURE.md"))
    for where, text in _texts():
        assert set(re.findall(r"\bADR (\d{4})\b", text)) <= numbers, where
        assert set(re.findall(r"\bARCHITECTURE#([\w-]+)", text)) <= headings, where


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_files_that_a_page_names_are_there(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    missing = [name for name in _PATH.findall(text) if not _is_there(name, file)]
    assert not missing


@cache
def _files() -> list[str]:
    folders = (ROOT / folder for folder in ("src", "tests", "docs", "script", "examples"))
    return [f"/{file.relative_to(ROOT)}" for folder in folders for file in folder.rglob("*")]


def _is_there(name: str, citing: Path) -> bool:
    """Whether there is such a file or folder, named from the top, from the page, or by the end of its path."""
    found = any((place / name).exists() for place in (ROOT, citing.parent))
    return found or any(file.endswith(f"/{name.rstrip('/')}") for file in _files())


@cache
def _modules() -> dict[str, list[Path]]:
    """Modules and packages of the product by their last name."""
    found: dict[str, list[Path]] = {}
    for file in (ROOT / "src").rglob("*.py"):
        name = file.parent.name if file.name == "__init__.py" else file.stem
        found.setdefault(name, []).append(file)
    return found


@cache
def _names(file: Path) -> set[str]:
    """What a module defines, with the names of its submodules if it is a package."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    found |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    if file.name == "__init__.py":
        found |= {other.stem for other in file.parent.iterdir()}
    return found


@cache
def _columns() -> set[str]:
    """Columns as ``table.column``."""
    tables = re.findall(r"^CREATE TABLE (?:\w+\.)?(\w+) \((.*?)^\)", page("src/paywon/db/schema.sql"), re.M | re.S)
    return {f"{table}.{column}" for table, body in tables for column in re.findall(r"^ +(\w+) ", body, re.M)}


# What a page means by these is no function of ours: a value in an example, or another library's.
_OTHERS = {"conn.transaction", "order.id", "order.order_no", "order.fulfilment_spec"}


@pytest.mark.parametrize("file", BUILDERS, ids=lambda file: str(file.relative_to(ROOT)))
def test_functions_that_a_page_names_are_there(file: Path) -> None:
    missing = [name for name in _MEMBER.findall(file.read_text(encoding="utf-8")) if not _is_known(name)]
    assert not missing


def _is_known(name: str) -> bool:
    *_, owner, member = name.split(".")
    homes = _modules().get(owner, []) + [
        file for files in _modules().values() for file in files if owner in _names(file)
    ]
    defined = any(member in _names(file) for file in homes)
    return defined or name in _columns() or name in set(EventType) or name in _OTHERS
