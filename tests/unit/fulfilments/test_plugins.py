"""Plug-ins are found by their entry points; one that cannot be used is told before anything starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

GOOD = """
class Room:
    def check(self, options, now): return dict(options)
    async def fulfil(self, conn, order, now): return None
    async def reverse(self, conn, order, now, reason): return None
room, half = Room(), object()
class Broken:
    def __init__(self): raise RuntimeError("no calendar")
"""
SHOW = "from paywon.fulfilments.plugins import installed; print(installed().kinds)"


def install(folder: Path, **points: str) -> Path:
    """Put a package with entry points where Python finds it, as pip would."""
    (folder / "shop_plugins.py").write_text(GOOD)
    info = folder / "shop_plugins-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-plugins\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[paywon.fulfilments]", *lines, ""]))
    return folder


def kinds(folder: Path) -> str:
    """What a process that has the package says there is, or why it cannot be used."""
    env = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}src"}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_an_object_and_a_class_are_both_taken(tmp_path: Path) -> None:
    found = kinds(install(tmp_path, room="shop_plugins:room", suite="shop_plugins:Room"))
    assert found == "['none', 'event', 'room', 'suite', 'time_capsule']"


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ({"room": "shop_plugins:missing"}, "AttributeError"),
        ({"room": "no_such_module:x"}, "ModuleNotFoundError"),
        ({"room": "shop_plugins:half"}, "has to have check, fulfil and reverse"),
        ({"room": "shop_plugins:Broken"}, "RuntimeError: no calendar"),
        ({"time_capsule": "shop_plugins:room"}, "there is a fulfilment of this name already"),
        ({"event": "shop_plugins:room"}, "there is a fulfilment of this name already"),
        ({"Room-1": "shop_plugins:room"}, "a kind is written"),
    ],
    ids=lambda item: "" if isinstance(item, str) else next(iter(item)),
)
def test_one_that_cannot_be_used_is_named(points: dict[str, str], said: str, tmp_path: Path) -> None:
    told = kinds(install(tmp_path, **points))
    assert told.startswith("paywon.fulfilments.plugins.BadPlugin: paywon.fulfilments ")
    assert "(shop-plugins)" in told
    assert said in told
