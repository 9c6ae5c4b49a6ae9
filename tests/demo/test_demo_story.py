"""``paywon demo`` against a stack of real processes."""

import asyncio
import io
import json
import re
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from paywon.demo.chapters import STEPS
from paywon.demo.story import run_story
from tests.conftest import OpenStack
from tests.support.processes import free_port
from tests.support.stack import Stack


def dev_file(folder: Path, **changes: Any) -> Path:
    dev = {
        "apiUrl": "http://127.0.0.1:1",
        "apiKey": "pwk_none",
        "consoleUrl": None,
        "operatorEmail": None,
        "operatorPassword": None,
        "sandboxUrl": "http://127.0.0.1:1",
        "tossSecretKey": "test_sk_none",
        "demoUrl": "http://127.0.0.1:1/demo",
        "databaseUrl": "postgresql://",
    }
    file = folder / "dev.json"
    file.write_text(json.dumps({**dev, **changes}))
    return file


def dev_file_of(stack: Stack) -> Path:
    return dev_file(
        stack.folder,
        apiUrl=stack.api_url,
        apiKey=stack.api_key,
        sandboxUrl=stack.sandbox_url,
        tossSecretKey=stack.toss_key,
        demoUrl=f"{stack.api_url}/demo",
    )


def tell(file: Path) -> tuple[int, str]:
    """Tell the story to a terminal that is a text, and answer the exit code and the text."""
    screen = io.StringIO()
    code = run_story(file, console=Console(file=screen, width=200, highlight=False, soft_wrap=True))
    return code, screen.getvalue()


async def test_the_whole_story(stack: Stack) -> None:
    began = time.monotonic()
    code, told = await asyncio.to_thread(tell, dev_file_of(stack))
    assert code == 0, told
    assert time.monotonic() - began < 20
    assert told.count("✓") == STEPS
    for call in (
        r"POST /payments/request  201  [\d,]+ ms",
        r"POST /payments/confirm  200  [\d,]+ ms",
        r"webhook DONE 50,000원 · books DONE 50,000원",
        r"POST /api/orders  201",
        r"POST /api/payments/toss/confirm  200",
        r"refunded 5,000원 · left 10,000원 · status partial_refunded",
        r"order REFUNDED · toss PARTIAL_CANCELED · balance 0원",
        r"POST /payments/confirm  402.*\n\s+code PAYMENT_DECLINED · toss 한도초과",
        r"POST /payments/confirm  422.*\n\s+code AMOUNT_MISMATCH",
        r"requests 0",
    ):
        assert re.search(call, told), f"{call} is missing in:\n{told}"
    states = await stack.rows("SELECT status, count(*) FROM orders GROUP BY status ORDER BY status")
    assert states == [
        {"status": "PAID", "count": 1},
        {"status": "PENDING_PAYMENT", "count": 2},
        {"status": "REFUNDED", "count": 1},
    ]
    capsule = await stack.row("SELECT status FROM capsules")
    assert capsule == {"status": "CANCELED"}


@pytest.mark.parametrize("path", ["/v1/payments/confirm", "*/cancel", "/v1/payments"])
async def test_it_survives_the_api_being_killed_while_it_waits_for_toss(open_stack: OpenStack, path: str) -> None:
    """Nothing is paid twice and nothing refunded twice, however often the story asks again."""
    stack = await open_stack(PAYWON_RESOLVE_AFTER_S="1")
    await stack.toss.post("/sandbox/faults", {"kind": "delay", "delayMs": 1500, "path": path})
    story = asyncio.create_task(asyncio.to_thread(tell, dev_file_of(stack)))
    await stack.eventually(lambda: _is_delayed(stack), within_s=60)
    stack.apis[0].kill()
    await asyncio.sleep(1)
    await asyncio.to_thread(stack.apis[0].start)
    code, told = await story
    assert code == 0, told
    waited = [line for line in told.splitlines() if "waiting" in line]
    assert waited
    assert all(line != before for before, line in pairwise(waited)), "the same wait is told once"
    refunded = await stack.row(
        "SELECT sum(cancel_amount)::int AS won FROM payment_cancels WHERE cancel_status = 'DONE'"
    )
    assert refunded == {"won": 15_000}
    paid = await stack.rows("SELECT order_no FROM payments WHERE approved_at IS NOT NULL")
    assert len(paid) == 2


async def test_it_survives_a_worker_that_is_not_there_when_the_webhook_comes(open_stack: OpenStack) -> None:
    stack = await open_stack()
    assert stack.worker is not None
    stack.worker.kill()
    story = asyncio.create_task(asyncio.to_thread(tell, dev_file_of(stack)))
    await stack.eventually(lambda: stack.rows("SELECT 1 FROM webhook_events"))
    stack.worker.start()
    code, told = await story
    assert code == 0, told


def test_nothing_running_is_one_line_that_says_what_to_run(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    for file in (tmp_path / "none.json", dev_file(tmp_path, apiUrl=url)):
        began = time.monotonic()
        code, told = tell(file)
        assert code == 1
        assert len(told.strip().splitlines()[-1:]) == 1
        assert "script/server" in told.strip().splitlines()[-1]
        assert "Traceback" not in told
        assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "읽을 수 없습니다"), ('{"apiUrl": 1}', "읽을 수 없습니다"), (None, "샌드박스가 필요합니다")],
)
def test_a_dev_json_that_cannot_be_used_is_one_line(tmp_path: Path, text: str | None, says: str) -> None:
    file = dev_file(tmp_path, sandboxUrl=None)
    if text is not None:
        file.write_text(text)
    code, told = tell(file)
    assert code == 1
    assert says in told
    assert len(told.strip().splitlines()) == 1


async def test_a_key_that_is_not_known_ends_the_story_with_what_was_said(stack: Stack) -> None:
    file = dev_file_of(stack)
    file.write_text(file.read_text().replace(stack.api_key, "pwk_wrong"))
    code, told = await asyncio.to_thread(tell, file)
    assert code == 1
    assert "UNAUTHENTICATED" in told.strip().splitlines()[-1]


async def _is_delayed(stack: Stack) -> bool:
    return any(line["fault"] for line in await stack.toss_requests("/v1/payments"))
