"""Writes down what is done, as the script that does it again."""

import inspect
from collections.abc import Sequence
from typing import Any

from tests.state import replay
from tests.state.replay import Reply, Stage


class Told(str):
    """A text that a server told us, and the expression that has it in a script."""

    __slots__ = ("source",)
    source: str

    def __new__(cls, value: str, source: str) -> "Told":
        told = super().__new__(cls, value)
        told.source = source
        return told

    def __add__(self, more: str) -> "Told":
        return Told(str(self) + str(more), f"{self.source} + {shown(more)}")

    def __radd__(self, before: str) -> "Told":
        return Told(before + str(self), f"{shown(before)} + {self.source}")


class Heard:
    """An answer, and the variable that has it in a script."""

    def __init__(self, reply: Reply, name: str) -> None:
        self.reply, self.name = reply, name

    @property
    def told(self) -> str:
        return self.reply.told

    def pick(self, *names: str) -> Told:
        value: Any = self.reply.body
        for name in names:
            value = value[name]
        return Told(value, self.name + "".join(f"[{name!r}]" for name in names))


class Journal:
    """Does what a stage can do, and writes each call down before it is made."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.lines: list[str] = []
        self.calls = 0

    def note(self, text: str) -> None:
        """Say what the next calls are for."""
        self.lines.append(f"# {text}")

    def do(self, action: str, *arguments: Any, **named: Any) -> Heard:
        """Have the stage do something; answer what it heard, if it heard anything."""
        self.calls += 1
        name = f"r{self.calls}"
        given = [shown(item) for item in arguments] + [f"{key}={shown(item)}" for key, item in named.items()]
        line = f"stage.{action}({', '.join(given)})"
        self.lines.append(f"{name} = {line}" if action.startswith("call") else line)
        plain = [item.reply if isinstance(item, Heard) else item for item in arguments]
        answer = getattr(self.stage, action)(*plain, **named)
        return Heard(answer if isinstance(answer, Reply) else Reply(None), name)

    def name(self) -> Told:
        """A name that no other run has."""
        self.calls += 1
        return Told(self.stage.name(self.calls), f"stage.name({self.calls})")

    def soon(self, seconds: float) -> Told:
        return Told(self.stage.soon(seconds), f"stage.soon({seconds})")

    def script(self, why: str) -> str:
        """Write a program that does all of it again; ``why`` says what went wrong."""
        parts = [
            inspect.getsource(replay).rstrip(),
            "",
            "",
            *(f"# {line}"[:120] for line in why.splitlines()[:20]),
            "def history(stage: Stage) -> None:",
            *(f"    {line}" for line in self.lines),
            "    return None",
            "",
            "",
            'if __name__ == "__main__":',
            "    sys.exit(replay(history))",
            "",
        ]
        return "\n".join(parts)


def shown(value: Any) -> str:
    """Write a value as Python; what servers told us by the expression that has it."""
    if isinstance(value, Told):
        return value.source
    if isinstance(value, Heard):
        return value.name
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name!r}: {shown(item)}" for name, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(shown(item) for item in value) + "]"
    return repr(value)
