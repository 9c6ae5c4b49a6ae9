"""How the story looks in the terminal: a bar that moves, one line a call, the fields that matter below it."""

from contextlib import AbstractContextManager
from typing import Any, Final

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from paywon.demo.errand import Reply

_GOOD: Final = "green"
_BAD: Final = "yellow"


class Teller:
    """Writes the story to a terminal. ``steps`` is how many steps it has in all."""

    def __init__(self, *, steps: int, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )
        self._waited_for = ""
        self._task: TaskID = self._progress.add_task("", total=steps)

    def telling(self) -> AbstractContextManager[Any]:
        """Show the moving bar while the story is told."""
        return self._progress

    def chapter(self, korean: str, english: str) -> None:
        """Open a chapter."""
        self.console.print(f"\n[bold]{escape(korean)}[/] [dim]{escape(english)}[/]")

    def doing(self, korean: str, english: str) -> None:
        """Say, beside the bar, what happens right now."""
        self._progress.update(self._task, description=f"{escape(korean)} [dim]{escape(english)}[/]")

    def step(self, korean: str, english: str, reply: Reply, **fields: object) -> None:
        """Show a finished step: what it was, the call, its status, its time in ms, and what matters of the answer."""
        self._advance()
        colour = _GOOD if reply.is_fine else _BAD
        self.console.print(f"  [green]✓[/] {escape(korean)} [dim]{escape(english)}[/]")
        call = f"{reply.method} {reply.path}"
        self.console.print(f"      {escape(call)}  [{colour}]{reply.status}[/]  [dim]{reply.took_ms:,} ms[/]")
        self._fields(fields)

    def seen(self, korean: str, english: str, **fields: object) -> None:
        """Show a step that was waited for rather than asked for."""
        self._advance()
        self.console.print(f"  [green]✓[/] {escape(korean)} [dim]{escape(english)}[/]")
        self._fields(fields)

    def note(self, korean: str, english: str) -> None:
        """Explain something."""
        self.console.print(f"      [cyan]→ {escape(korean)}[/] [dim]{escape(english)}[/]")

    def waiting(self, why: str) -> None:
        """Say why the story stands still; in a file, once for as long as it is the same reason."""
        self.doing(f"기다리는 중: {why}", f"waiting: {why}")
        if not self.console.is_terminal and why != self._waited_for:
            self._waited_for = why
            self.console.print(f"      … 기다리는 중 / waiting: {escape(why)}")

    def failed(self, trouble: str) -> None:
        """End with the one line that says what went wrong."""
        self.console.print(f"\n[bold red]✗ {escape(trouble)}[/]")

    def ending(self, rows: list[tuple[str, str, str]], *, seconds: float, demo_url: str) -> None:
        """Sum up: what, how it ended, where to look."""
        widths = [max(cell_len(row[column]) for row in rows) for column in (0, 1)]
        self.console.print("\n[bold green]끝[/] [dim]the end[/]")
        for what, end, link in rows:
            padded = [
                f"{cell}{' ' * (width - cell_len(cell))}" for cell, width in zip((what, end), widths, strict=True)
            ]
            self.console.print(f"  {escape(padded[0])}   [bold]{escape(padded[1])}[/]   {escape(link)}")
        self.console.print(
            f"\n  {seconds:.1f}초 걸렸습니다 / took {seconds:.1f} s. 브라우저에서 같은 일을 / the same by clicking: "
            f"[bold]{escape(demo_url)}[/]\n"
        )

    def _advance(self) -> None:
        self._waited_for = ""
        self._progress.advance(self._task)

    def _fields(self, fields: dict[str, object]) -> None:
        if fields:
            shown = " · ".join(f"[dim]{escape(name)}[/] {escape(str(value))}" for name, value in fields.items())
            self.console.print(f"      {shown}")
