"""Programs from outside Python that some tests need."""

import os
import shutil
from pathlib import Path

import pytest


def lacking(what: str) -> None:
    """End a test that cannot run here: skipped with the reason, or failed where everything is required."""
    missing = f"{what}; get it with: script/setup-system"
    if os.environ.get("PAYWON_TEST_REQUIRE_ALL") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


def find_chromium() -> str:
    """Answer where Chromium is; without one the test ends here."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        lacking("Chromium was not found")
    assert found is not None, "lacking() does not return"
    return found


def find_redis() -> str:
    """Answer where redis-server, or its successor valkey-server, is; without one the test ends here."""
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        lacking("redis-server was not found")
    assert found is not None, "lacking() does not return"
    return found


def find_faketime() -> str:
    """Answer where the library is that gives a process another clock; without one the test ends here."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        lacking("faketime was not found")
    return str(found[0])
