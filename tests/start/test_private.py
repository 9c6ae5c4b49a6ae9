"""What ``paywon dev`` leaves on disk is for its owner's eyes only, whatever the umask, as root too."""

import asyncio
import os
import stat
from pathlib import Path

import pytest
from tests.start.running import Dev

from paywon.db.embedded import EmbeddedPostgres
from paywon.db.migrate import ensure_database
from paywon.terminal.checks import close_home, make_home

# PostgreSQL does not run as root, so its own user has to be let through the folder: through, and no more.
HOME_MODE = 0o710 if os.geteuid() == 0 else 0o700


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_and_data_are_readable_by_their_owner_alone(dev: Dev) -> None:
    before = os.umask(0)
    try:
        dev.home.mkdir(parents=True, mode=0o777)
        (dev.home / "dev.lock").touch()
        # What an earlier version left.
        (dev.home / "sandbox.sqlite").touch(mode=0o644)
        dev.start()
    finally:
        os.umask(before)
    assert _mode(dev.home) == HOME_MODE
    files = {file.name: _mode(file) for file in dev.home.iterdir() if file.is_file() and file.name != "dev.lock"}
    assert {"dev.json", "sandbox-key", "secret-keys", "sandbox.sqlite", "sandbox.sqlite-wal"} <= set(files)
    assert set(files.values()) == {0o600}, files
    assert _mode(dev.home / "postgres") == 0o700
    assert dev.stop() == 0


def test_a_folder_that_was_there_for_something_else_keeps_its_mode(folder: Path) -> None:
    project, fresh = folder / "project", folder / "fresh"
    project.mkdir()
    project.chmod(0o755)
    (project / "app.py").touch()
    assert [make_home(project), make_home(fresh)] == [False, True]
    assert (_mode(project), _mode(fresh)) == (0o755, 0o700)


def test_a_home_too_long_for_a_socket_opens_no_folder_to_others(folder: Path) -> None:
    closed = folder / "closed"
    home = closed / ("long-" * 20) / "home"
    home.mkdir(parents=True)
    closed.chmod(0o700)
    server = EmbeddedPostgres(home / "postgres")
    server.start()
    try:
        asyncio.run(ensure_database(server.url("postgres"), "reached"))
        socket_folder = Path(server.url().partition("host=")[2])
        assert socket_folder != home / "postgres"
        assert _mode(socket_folder) == 0o700
        assert _mode(socket_folder.parent) & stat.S_IRWXO == 0
        assert _mode(closed) & stat.S_IRWXO == 0
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_cannot_look_into_it(folder: Path) -> None:
    folder.chmod(0o755)
    home = folder / "home"
    assert make_home(home)
    close_home(home)
    server = EmbeddedPostgres(home / "postgres")
    server.start()
    try:
        (home / "sandbox-key").write_text("secret")
        assert _exit_code_as_nobody(home / "sandbox-key") == 1
        assert _exit_code_as_nobody(home / "postgres" / ".s.PGSQL.5432") == 1
    finally:
        server.stop()


def _exit_code_as_nobody(path: Path) -> int:
    """Answer 0 if the user ``nobody`` can see that a file is there, else 1."""
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        try:
            path.stat()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
