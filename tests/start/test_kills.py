"""``paywon dev`` after the worst: kill -9 of any part of it, and of all of it."""

import base64
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import psutil  # type: ignore[import-untyped]
import pytest
from tests.start.running import Dev, eventually, status_of


def test_kill_of_dev_and_then_of_all_at_once(dev: Dev) -> None:
    dev.start()
    before = dev.json
    dev.signal(signal.SIGKILL)
    assert dev.process is not None
    dev.process.wait()

    dev.start()  # at once, while the old children may still be leaving
    assert dev.json == before
    now = {process.pid for process in dev.look()}
    eventually(lambda: {process.pid for process in dev.survivors()} <= now)

    _kill_all(dev)
    dev.start()
    assert _health(dev) == 200
    assert dev.stop() == 0
    eventually(lambda: not dev.survivors())


def _kill_all(dev: Dev) -> None:
    postgres = dev.postgres_pid
    assert postgres is not None
    everybody = [*dev.look(), psutil.Process(postgres), *psutil.Process(postgres).children()]
    dev.signal(signal.SIGKILL)
    for process in everybody:
        if process.is_running():
            os.kill(process.pid, signal.SIGKILL)
    assert dev.process is not None
    dev.process.wait()


def test_kill_while_the_cluster_is_made(dev: Dev) -> None:
    dev.launch()
    eventually(lambda: (dev.home / "postgres" / "global").exists())
    dev.signal(signal.SIGKILL)
    assert dev.process is not None
    dev.process.wait()
    dev.start()
    assert _health(dev) == 200


def test_parts_that_die_are_started_again(dev: Dev) -> None:
    dev.start()
    for word in ("serve", "worker", "paywon_sandbox"):
        old = dev.child(word).pid
        os.kill(old, signal.SIGKILL)
        eventually(partial(_is_replaced, dev, word, old))
    postgres = dev.postgres_pid
    assert postgres is not None
    os.kill(postgres, signal.SIGKILL)
    eventually(lambda: dev.postgres_pid not in (None, postgres))
    eventually(lambda: _health(dev) == 200)
    eventually(lambda: status_of("GET", f"http://127.0.0.1:{dev.sandbox_port}/sandbox/health")[0] == 200)
    dev.look()
    assert dev.output.count("SIGKILL") >= 3
    assert "Traceback" not in dev.output
    assert dev.stop() == 0
    eventually(lambda: not dev.survivors())


def _kill_group(dev: Dev) -> None:
    dev.signal(signal.SIGKILL, group=True)
    assert dev.process is not None
    dev.process.wait()


def _kill_all_but_postgres(dev: Dev) -> None:
    postgres = dev.postgres_pid
    assert postgres is not None
    spared = {postgres, *(process.pid for process in psutil.Process(postgres).children())}
    doomed = [process for process in dev.look() if process.pid not in spared]
    _kill_group(dev)
    for process in doomed:
        if process.is_running():
            os.kill(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("kill", [_kill_group, _kill_all_but_postgres])
def test_a_start_at_once_works_though_the_sandbox_was_at_work(dev: Dev, kill: Callable[[Dev], None]) -> None:
    dev.start()
    with _calls_in_hand(dev):
        dev.look()
        kill(dev)
        dev.start()
    assert (_health(dev), _sandbox_health(dev)) == (200, 200)
    assert dev.stop() == 0
    eventually(lambda: not dev.survivors())


def test_a_sandbox_that_is_killed_at_work_is_started_again(dev: Dev) -> None:
    dev.start()
    with _calls_in_hand(dev):
        old = dev.child("paywon_sandbox").pid
        os.kill(old, signal.SIGKILL)
        eventually(partial(_is_replaced, dev, "paywon_sandbox", old))
        eventually(lambda: _sandbox_health(dev) == 200, within_s=30)
    assert "did not start" not in dev.output
    assert dev.stop() == 0


@contextmanager
def _calls_in_hand(dev: Dev) -> Iterator[None]:
    """Leave three calls with the sandbox that it answers in half a minute."""
    key = base64.b64encode(f"{dev.json['tossSecretKey']}:".encode()).decode()
    authorization = f"Authorization: Basic {key}\r\nHost: localhost\r\n"
    fault = b'{"kind": "delay", "delayMs": 30000, "times": 3}'
    head = f"POST /sandbox/faults HTTP/1.1\r\n{authorization}Content-Length: {len(fault)}\r\n\r\n"
    asked = socket.create_connection(("127.0.0.1", dev.sandbox_port), timeout=10)
    asked.sendall(head.encode() + fault)
    assert b"200 OK" in asked.recv(4096)
    calls = [socket.create_connection(("127.0.0.1", dev.sandbox_port), timeout=10) for _ in range(3)]
    for call in calls:
        call.sendall(f"GET /v1/payments/none HTTP/1.1\r\n{authorization}\r\n".encode())
    eventually(lambda: _faults_left(asked, authorization) == 0)
    yield
    for connection in (*calls, asked):
        connection.close()


def _faults_left(connection: socket.socket, authorization: str) -> int:
    connection.sendall(f"GET /sandbox/faults HTTP/1.1\r\n{authorization}\r\n".encode())
    return connection.recv(4096).count(b'"kind"')


def _is_replaced(dev: Dev, word: str, old: int) -> bool:
    now = dev.child(word)
    return now is not None and now.pid != old


def _health(dev: Dev) -> int:
    return status_of("GET", f"http://127.0.0.1:{dev.port}/ready")[0]


def _sandbox_health(dev: Dev) -> int:
    return status_of("GET", f"http://127.0.0.1:{dev.sandbox_port}/sandbox/health")[0]
