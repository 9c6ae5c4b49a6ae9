"""The process: starting, stopping, and a SIGKILL that loses nothing that had been answered."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.sandbox.client import Toss, new_order_id
from tests.sandbox.process import SandboxProcess, free_port
from tests.sandbox.receiver import Receiver

KEY = "test_sk_restart"


def test_a_port_in_use_is_one_clear_line(sandbox: SandboxProcess) -> None:
    command = [sys.executable, "-m", "paywon_sandbox", "--port", str(sandbox.port)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert str(sandbox.port) in ended.stderr
    assert "사용하고 있습니다" in ended.stderr


def test_it_says_one_line_and_stops_at_once() -> None:
    port = free_port()
    command = [sys.executable, "-m", "paywon_sandbox", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert f"http://localhost:{port}" in line
    started = time.monotonic()
    process.terminate()
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")
    assert time.monotonic() - started < 3


async def test_a_stop_does_not_wait_for_slow_receivers() -> None:
    sandbox = SandboxProcess()
    async with Toss(sandbox.base_url, KEY) as toss, Receiver(answers=[-1]) as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url})
        await toss.paid()
        await receiver.wait_for(1)
        started = time.monotonic()
        assert await asyncio.to_thread(sandbox.stop) == 0
        assert time.monotonic() - started < 3


async def test_a_kill_and_a_restart_lose_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state" / "sandbox.db"
    first = SandboxProcess(state=state)
    async with Toss(first.base_url, KEY) as toss, Receiver(answers=[500]) as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url, "events": ["PAYMENT_STATUS_CHANGED"]})
        await toss.advance(1000)
        key, order_id = await toss.authenticated()
        open_key, open_order = await toss.authenticated()
        confirmed = await toss.confirm(key, order_id, 15000, headers={"idempotency-key": "k"})
        await receiver.wait_for(1)
        clock = (await toss.get("/sandbox/clock")).json["offsetSeconds"]
        await asyncio.to_thread(first.kill)

        second = await asyncio.to_thread(SandboxProcess, port=first.port, state=state)
        assert await toss.payment(key) == confirmed.json
        replay = await toss.confirm(key, order_id, 15000, headers={"idempotency-key": "k"})
        assert (replay.status, replay.raw) == (200, confirmed.raw)
        assert (await toss.get("/sandbox/clock")).json["offsetSeconds"] == clock
        assert (await toss.confirm(open_key, open_order, 15000)).status == 200
        await toss.advance(61)
        await receiver.wait_for(3)
        assert sorted(receiver.statuses) == ["DONE"] * 3
        sent = [body["data"]["paymentKey"] for body in receiver.bodies]
        assert sorted(sent) == sorted([key, key, open_key])
        await asyncio.to_thread(second.kill)


async def test_a_window_that_passed_while_the_sandbox_was_down(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.db"
    first = SandboxProcess(state=state)
    async with Toss(first.base_url, KEY) as toss:
        key, order_id = await toss.opened()
        await asyncio.to_thread(first.kill)
        second = await asyncio.to_thread(SandboxProcess, port=first.port, state=state)
        assert (await toss.payment(key))["status"] == "READY"
        await toss.advance(1801)
        assert (await toss.payment(key))["status"] == "EXPIRED"
        await toss.ok("/sandbox/reset")
        await asyncio.to_thread(second.kill)
        third = await asyncio.to_thread(SandboxProcess, port=first.port, state=state)
        assert (await toss.get(f"/v1/payments/orders/{order_id}")).status == 404
        await asyncio.to_thread(third.kill)


def started_on(state: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "paywon_sandbox", "--port", str(free_port()), "--state", str(state)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def of_no_database(folder: Path) -> Path:
    path = folder / "notes.txt"
    path.write_text("장보기: 두부, 콩나물\n" * 50, encoding="utf-8")
    return path


def of_another_program(folder: Path) -> Path:
    path = folder / "other.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE records (kind TEXT, account TEXT, id TEXT, body BLOB)")
        database.execute("INSERT INTO records VALUES ('invoice', 'a', 'b', 'c')")
    database.close()
    return path


def of_a_broken_record(folder: Path) -> Path:
    path = folder / "broken.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE records (kind TEXT, account TEXT, id TEXT, body BLOB)")
        database.execute("INSERT INTO records VALUES ('payment', 'a', 'b', '{\"payment\":')")
    database.close()
    return path


@pytest.mark.parametrize("file", [of_no_database, of_another_program, of_a_broken_record, lambda folder: folder])
def test_a_file_that_is_not_its_own_is_one_clear_line(tmp_path: Path, file: Callable[[Path], Path]) -> None:
    path = file(tmp_path)
    before = path.read_bytes() if path.is_file() else b""
    ended = started_on(path)
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)
    assert str(path) in ended.stderr
    assert before == (path.read_bytes() if path.name == "notes.txt" else before)


async def test_two_sandboxes_do_not_share_a_file(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.db"
    first = SandboxProcess(state=state)
    ended = await asyncio.to_thread(started_on, state)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    await asyncio.to_thread(first.kill)


async def test_a_full_disk_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """The file may not grow for a while: 500 until it may again, and then all of it is written."""
    state = tmp_path / "sandbox.db"
    first = SandboxProcess(state=state)
    answers = []
    async with Toss(first.base_url, KEY) as toss:
        kept = await toss.paid()
        size = max(file.stat().st_size for file in tmp_path.iterdir())
        resource.prlimit(first.process.pid, resource.RLIMIT_FSIZE, (size + 20_000, resource.RLIM_INFINITY))
        for _ in range(100):
            unsure = new_order_id()
            answers.append(await toss.post("/v1/virtual-accounts", account(unsure)))
            if answers[-1].status != 200:
                break
        assert (answers[-1].status, answers[-1].code) == (500, "UNKNOWN_ERROR")
        resource.prlimit(first.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        answers[-1] = await toss.post("/v1/virtual-accounts", account(new_order_id()))
        # What became of the order that was answered 500 is the same before and after.
        seen = (await toss.get(f"/v1/payments/orders/{unsure}")).raw
        await asyncio.to_thread(first.kill)
        second = await asyncio.to_thread(SandboxProcess, port=first.port, state=state)
        for answer in answers:
            assert await toss.payment(answer.json["paymentKey"]) == answer.json
        assert await toss.payment(kept["paymentKey"]) == kept
        assert (await toss.get(f"/v1/payments/orders/{unsure}")).raw == seen
        await asyncio.to_thread(second.kill)


def account(order_id: str) -> dict[str, object]:
    return {"orderId": order_id, "orderName": "셔츠", "amount": 15000, "customerName": "박토스", "bank": "20"}


async def test_every_answered_write_survives_a_kill_in_the_middle(tmp_path: Path) -> None:
    """Clients pay as fast as they can while the process is killed: what was answered must be there."""
    state = tmp_path / "sandbox.db"
    first = SandboxProcess(state=state)
    answered: dict[str, bytes] = {}

    async def pay_on_and_on(toss: Toss) -> None:
        while True:
            key, order_id = await toss.authenticated()
            answer = await toss.confirm(key, order_id, 15000, headers={"idempotency-key": key})
            answered[f"{key} {order_id}"] = answer.raw

    async with Toss(first.base_url, KEY) as toss:
        clients = [asyncio.create_task(pay_on_and_on(toss)) for _ in range(4)]
        await asyncio.sleep(0.7)
        await asyncio.to_thread(first.kill)
        await asyncio.gather(*clients, return_exceptions=True)
        second = await asyncio.to_thread(SandboxProcess, port=first.port, state=state)
        assert len(answered) > 10
        for names, raw in answered.items():
            key, order_id = names.split(" ")
            replay = await toss.confirm(key, order_id, 15000, headers={"idempotency-key": key})
            assert replay.raw == raw
        await asyncio.to_thread(second.kill)
