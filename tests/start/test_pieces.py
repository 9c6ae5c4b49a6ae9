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


_SHOW = """
from paywon.devfile import DevFile
from paywon.terminal.screen import Screen
keys = {"api_key": "pk_SHOWN", "toss_secret_key": "test_sk_SHOWN", "operator_password": "SHOWN"}
places = {"console_url": "http://c", "operator_email": "a@b", "sandbox_url": "http://s", "demo_url": "http://d"}
dev = DevFile(api_url="http://a", database_url="postgresql://u:SHOWN@h/d", **keys, **places)
Screen().summary(dev, file="/home of/dev.json", seconds=1)
"""


@pytest.mark.parametrize(("terminal", "ci", "shown"), [(True, "", 4), (True, "true", 0), (False, "", 0)])
def test_keys_are_shown_to_people_and_not_to_logs(terminal: bool, ci: str, shown: int) -> None:
    reading, writing = os.openpty() if terminal else os.pipe()
    # FORCE_COLOR makes Rich take a log for a terminal; CI jobs set it.
    environment = os.environ | {"CI": ci, "FORCE_COLOR": "1"}
    subprocess.run([sys.executable, "-c", _SHOW], stdout=writing, env=environment, check=True, timeout=30)
    said = os.read(reading, 65536).decode()
    assert said.count("SHOWN") == shown
    assert ("'/home of/dev.json'" in said) is (shown == 0)
    for end in (reading, writing):
        os.close(end)
