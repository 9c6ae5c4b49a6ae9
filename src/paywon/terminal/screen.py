"""What ``paywon dev`` shows in the terminal."""

import os
import re
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape

from paywon.devfile import DevFile

NAME_WIDTH: Final = 30
_STYLES: Final = {"api": "cyan", "worker": "magenta", "sandbox": "yellow"}


class Screen:
    """The terminal: progress while starting, the summary, and what the children say."""

    def __init__(self) -> None:
        # Nothing is wrapped: a curl line that is broken in two does not work when copied.
        self._console = Console(highlight=False, soft_wrap=True)

    def title(self) -> None:
        """Say what starts."""
        self._console.print("\n[bold]paywon dev[/] 시작합니다 / starting\n")

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show a step while it runs, and a tick with its time in seconds when it is done."""
        began = time.monotonic()
        with self._console.status(f"  {what} …"):
            yield
        self._console.print(f"  [green]✓[/] {what} [dim]{time.monotonic() - began:.1f}s[/]")

    def note(self, text: str) -> None:
        """Say something that is good to know."""
        self._console.print(f"  [dim]·[/] {escape(text)}")

    def warn(self, text: str) -> None:
        """Say something that should not have happened."""
        self._console.print(f"  [yellow]![/] {escape(text)}")

    def line(self, name: str, text: str) -> None:
        """Show a line that a child wrote."""
        self._console.print(f"[{_STYLES.get(name, 'dim')}]\\[{name}][/] {escape(text)}")

    def summary(self, dev: DevFile, *, file: str, seconds: float) -> None:
        """Show where everything is, a first request to copy, and how to stop."""
        self._console.print(f"\n[bold green]준비되었습니다 / ready[/] [dim]{seconds:.1f}s[/]\n")
        shows_keys = is_seen_by_a_person()
        for name, value in _rows(dev, file, shows_keys=shows_keys):
            self._console.print(f"  [dim]{padded(name)}[/]  [bold]{escape(value)}[/]")
        self._console.print("\n  첫 주문 만들기 / make a first order:\n")
        key = dev.api_key if shows_keys else key_from(file)
        self._console.print(escape(curl_line(dev, key)), style="bold")
        self._console.print("\n  멈추려면 / stop with [bold]Ctrl-C[/] [dim](데이터는 남습니다 / the data stay)[/]\n")

    def stopping(self) -> None:
        """Say that everything is being stopped."""
        self._console.print("\n멈추는 중입니다 / stopping [dim](한 번 더 누르면 바로 / once more to hurry)[/]")

    def stopped(self) -> None:
        """Say that everything has stopped."""
        self._console.print("멈췄습니다. 데이터는 남아 있습니다 / stopped; the data stay")


def is_seen_by_a_person() -> bool:
    """Tell a terminal from a file, a pipe and a CI job, whose logs are kept and read by others."""
    return sys.stdout.isatty() and os.environ.get("CI", "").lower() in ("", "0", "false")


def key_from(file: str) -> str:
    """Answer what a shell puts the API key of ``dev.json`` in place of."""
    return f'$(sed -n \'s/.*"apiKey": "\\(.*\\)".*/\\1/p\' {shlex.quote(file)})'


def curl_line(dev: DevFile, key: str) -> str:
    """Answer a request that makes an order, as it can be pasted into a shell."""
    capsule = '{"kind": "time_capsule", "timeOption": "1_YEAR", "headcount": 2, "title": "우리의 2026년"}'
    body = f'{{"orderName": "1년 타임캡슐", "amount": 15000, "userId": "user-1", "fulfilment": {capsule}}}'
    return (
        f'curl -X POST {dev.api_url}/api/orders -H "Authorization: Bearer {key}"'
        f" -H 'Content-Type: application/json' -d '{body}'"
    )


def _rows(dev: DevFile, file: str, *, shows_keys: bool) -> Iterator[tuple[str, str]]:
    def secret(value: str | None, name: str) -> str:
        return f"{value}" if shows_keys else f"{file} 의 {name} / {name} in that file"

    yield "API", dev.api_url
    yield "OpenAPI (JSON)", f"{dev.api_url}/schema"
    yield "데모 / demo", dev.demo_url
    yield "샌드박스 / sandbox", dev.sandbox_url or "없음: 토스페이먼츠와 직접 통신 / none, talking to Toss itself"
    if dev.console_url is not None:
        yield (
            "콘솔 / console",
            f"{dev.console_url}  ({dev.operator_email} / {secret(dev.operator_password, 'operatorPassword')})",
        )
    yield "API 키 / key", secret(dev.api_key, "apiKey")
    if dev.sandbox_url is not None:
        # Only a key that opens nothing but the sandbox of this machine is shown.
        yield "토스 시크릿 키 / Toss key", secret(dev.toss_secret_key, "tossSecretKey")
    yield "데이터베이스 / database", without_password(dev.database_url)
    yield "모두 / all of it", file


def padded(name: str) -> str:
    """Answer a name filled up to one width, in which a Korean letter takes two places."""
    return name + " " * (NAME_WIDTH - cell_len(name))


def without_password(url: str) -> str:
    """Answer a database address as it may be shown."""
    return re.sub(r"(//[^:/@]*):[^@]+@", r"\1:…@", url)
