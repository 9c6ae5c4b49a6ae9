"""Clients that others published, installed by name for a test and never changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.support.outside import lacking

LOADER = "@tosspayments/tosspayments-sdk"
OLDER_LOADER = "@tosspayments/payment-sdk"
# A typed client for Node, with the two packages that it needs when it runs.
NODE_CLIENT = ("toss-payments-server-api@10.0.0", "@nestia/fetcher@5.0.0", "@samchon/openapi@3.2.2")
PYTHON_CLIENT = "python-tosspayments==1.1.0"


def from_npm(folder: Path, *packages: str) -> Path:
    """Unpacks packages of the npm registry, without what they would bring along; returns their node_modules."""
    npm = shutil.which("npm")
    if npm is None:
        lacking("npm was not found")
    command = [str(npm), "pack", "--silent", *packages]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    if ended.returncode:
        lacking(f"npm could not fetch {packages} ({ended.stderr.strip()[-200:]})")
    for package, archive in zip(packages, ended.stdout.split(), strict=True):
        name = package[0] + package[1:].partition("@")[0]
        unpacked = folder / "unpacked"
        with tarfile.open(folder / archive) as packed:
            packed.extractall(unpacked, filter="data")
        shutil.copytree(unpacked / "package", folder / "node_modules" / name)
        shutil.rmtree(unpacked)
    return folder / "node_modules"


def from_pypi(folder: Path, package: str) -> Path:
    """Installs one package of PyPI, without what it needs, into a folder of its own."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), package]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    if ended.returncode:
        lacking(f"pip could not install {package} ({ended.stderr.strip()[-200:]})")
    return folder
