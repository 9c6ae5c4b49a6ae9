"""Reads the documentation as a reader does: its code blocks, tables, headings and links."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def page(name: str) -> str:
    """Answer the text of a page, by its path from the top of the project."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Answer the code blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def tables(text: str) -> list[list[list[str]]]:
    """Answer the tables in order, each as its rows of cells, heading first and the rule below it left out."""
    found: list[list[list[str]]] = []
    rows: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split(" |")])
        elif rows:
            found.append([rows[0], *rows[2:]])
            rows = []
    return found


def table(text: str, *, first: str) -> list[list[str]]:
    """Answer the rows, without the heading, of the tables whose first heading is ``first``, one after another."""
    rows = [row for found in tables(text) if found[0][0] == first for row in found[1:]]
    assert rows, f"no table begins with {first}"
    return rows


def code(cell: str) -> str:
    """Take a cell's code out of its backticks; other cells stay as they are."""
    return cell.removeprefix("`").removesuffix("`")


def links(text: str) -> list[str]:
    """Answer the targets of links that lead to a file of the project, with their anchors."""
    targets: list[str] = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target for target in targets if not re.match(r"https?:", target)]


def anchors(text: str) -> set[str]:
    """Answer the anchors that GitHub gives to a page's headings."""
    headings: list[str] = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE), re.M
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
