"""Copies of ``src`` with a rule broken on purpose."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class OutdatedMutantError(Exception):
    """The text that a mutant replaces is not in the code exactly once any more: adapt the mutant."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One text of one file, replaced by another."""

    file: str
    old: str
    new: str


def mutate(source: Path, into: Path, edits: Sequence[Edit]) -> None:
    """Copy the code with these edits.

    Raises:
        OutdatedMutantError: a text is not there exactly once.
    """
    shutil.copytree(source, into)
    for edit in edits:
        file = into / edit.file
        text = file.read_text(encoding="utf-8")
        if (count := text.count(edit.old)) != 1:
            raise OutdatedMutantError(f"{edit.file} holds {count} times:\n{edit.old}")
        file.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
