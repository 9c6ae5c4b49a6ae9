"""Holds the house numbers of DESIGN 2: files of at most 500 lines, functions of at most 70, with a median near 10."""

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("src", "tests", "script", "bench")
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70
MEDIAN_WARNING_LINES = 15

Function = ast.FunctionDef | ast.AsyncFunctionDef


def main() -> int:
    """Print offenders and the median; answer the exit code."""
    root = Path(__file__).resolve().parent.parent
    offenders: list[str] = []
    lengths: list[int] = []
    for file in _files(root):
        text, name = file.read_text(encoding="utf-8"), file.relative_to(root)
        if (lines := text.count("\n")) > MAX_FILE_LINES:
            offenders.append(f"{name}: {lines} lines, at most {MAX_FILE_LINES}")
        for function in _functions(ast.parse(text, str(name))):
            lengths.append(length := _lines(function))
            if length > MAX_FUNCTION_LINES:
                offenders.append(
                    f"{name}:{function.lineno} {function.name}: {length} lines, at most {MAX_FUNCTION_LINES}"
                )
    return _tell(offenders, lengths)


def _files(root: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted((root / folder).rglob("*.py"))


def _functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _lines(function: Function) -> int:
    """Count the lines of a function, its decorators left out."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _tell(offenders: list[str], lengths: list[int]) -> int:
    median = statistics.median(lengths) if lengths else 0
    out = sys.stdout.write
    for offender in offenders:
        out(f"{offender}\n")
    out(f"house numbers: {len(lengths)} functions, median {median:g} lines, longest {max(lengths, default=0)}\n")
    if median > MEDIAN_WARNING_LINES:
        out(f"warning: the median is above {MEDIAN_WARNING_LINES} lines\n")
    return 1 if offenders else 0


if __name__ == "__main__":
    sys.exit(main())
