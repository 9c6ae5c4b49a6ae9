"""``paywon dev`` after the worst: kill -9 of any part of it, and of all of it."""

import os
import signal
from functools import partial

import psutil  # type: ignore[import-untyped]
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


def _is_replaced(dev: Dev, word: str, old: int) -> bool:
    now = dev.child(word)
    return now is not None and now.pid != old


def _health(dev: Dev) -> int:
    return status_of("GET", f"http://127.0.0.1:{dev.port}/ready")[0]
