"""Who calls, and what of Schemathesis's work is done for them."""

from dataclasses import dataclass, replace
from typing import Final

from paywon.operators.model import Scope

ALL: Final = "all scopes"
USER: Final = "a user"
NOBODY: Final = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One run: who calls, in which phases, with how many made up cases for each door.

    ``knows``: whether what exists is called by its id; made up ids reach little but 404.
    """

    who: str
    phases: tuple[str, ...]
    examples: int
    knows: bool = True


def long_run(examples: int) -> list[Errand]:
    """Each caller: the key that may do everything in all phases, the others as far as they differ."""
    whole = Errand(who=ALL, phases=("examples", "coverage", "fuzzing", "stateful"), examples=examples)
    others = [
        Errand(who=f"only {scope}", phases=("examples", "fuzzing"), examples=max(1, examples // 4)) for scope in Scope
    ]
    nobody = Errand(who=NOBODY, phases=("examples", "coverage"), examples=1, knows=False)
    return [whole, replace(whole, who=USER, phases=("examples", "coverage", "fuzzing")), nobody, *others]


def short_run(examples: int) -> list[Errand]:
    """A little of each kind, for every day."""
    return [
        Errand(who=who, phases=("examples", "fuzzing"), examples=examples, knows=who != NOBODY)
        for who in (ALL, USER, NOBODY)
    ]
