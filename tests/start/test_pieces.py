"""The pieces of the supervisor, with stand-in programs of their own."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.start.running import eventually

from paywon.db.embedded import EmbeddedPostgres
from paywon.terminal.child import Child, Program
from paywon.terminal.screen import Screen
from paywon.terminal.trouble import Trouble


async def _at_once(child: Child) -> None:
    """Ready as soon as it is started."""


async def test_five_deaths_end_it(capfd: pytest.CaptureFixture[str]) -> None:
    leash, hold = os.pipe()
    # The module `this` prints its poem and ends: a child that dies by itself each time.
    child = Child(Program(name="poet", module="this", arguments=()), leash=leash, screen=Screen(), ready=_at_once)
    await child.start()
    with pytest.raises(Trouble, match="died 5 times within 30 s"):
        await child.look_after()
    await child.stop(asyncio.Event())
    os.close(leash)
    os.close(hold)
    said = capfd.readouterr().out
    assert said.count("[poet] The Zen of Python") == 5
    assert said.count("ended by itself") == 4


async def test_hurry_ends_a_child_that_will_not_stop(tmp_path: Path) -> None:
    (tmp_path / "deaf.py").write_text(
        "import pathlib, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pathlib.Path('deaf.ready').touch()\n"
        "time.sleep(60)\n"
    )
    leash, hold = os.pipe()
    program = Program(name="deaf", module="deaf", arguments=(), environment={"PYTHONPATH": str(tmp_path)})
    child = Child(program, leash=leash, screen=Screen(), ready=_at_once)
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        await child.start()
        await asyncio.to_thread(eventually, (tmp_path / "deaf.ready").exists)
    finally:
        os.chdir(here)
    hurry = asyncio.Event()
    asyncio.get_running_loop().call_later(0.3, hurry.set)
    began = time.monotonic()
    await child.stop(hurry)
    assert time.monotonic() - began < 5
    assert child.has_died
    os.close(leash)
    os.close(hold)


def test_leash_ends_a_process_whose_parent_is_gone() -> None:
    leash, hold = os.pipe()
    command = [sys.executable, "-m", "paywon.terminal.leash", str(leash), "http.server", "--bind", "127.0.0.1", "0"]
    with subprocess.Popen(command, pass_fds=(leash,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        os.close(leash)
        time.sleep(0.5)
        assert child.poll() is None
        os.close(hold)
        assert child.wait(10) != 0


def test_postgres_starts_over_half_a_cluster(folder: Path) -> None:
    folder = folder / "postgres"
    (folder / "base").mkdir(parents=True)
    (folder / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(folder)
    server.start()
    assert server.is_running()
    server.stop()
    assert not server.is_running()


def test_postgres_starts_over_a_pid_file_of_another_process(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "postgres")
    server.start()
    file = folder / "postgres" / "postmaster.pid"
    lines = file.read_text().splitlines()
    server.stop()
    # As after kill -9 and a restart of the container, where numbers are given out again in the same order.
    file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    again = EmbeddedPostgres(folder / "postgres")
    again.start()
    assert again.is_running()
    again.stop()
