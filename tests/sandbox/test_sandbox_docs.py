"""The lines of docs/sandbox.md work as printed, and its numbers are true."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.sandbox.makers import MAKERS
from tests.sandbox.process import SandboxProcess
from tests.sandbox.test_sandbox_errors import OVER_HTTP, TAX_OFFICE, WANTED, how
from tests.sandbox.test_sandbox_fixtures import OTHERWISE
from tests.sandbox.test_sandbox_month import DAYS, ORDERS_A_DAY
from tests.support.outside import lacking

DOCS = Path(__file__).parents[2] / "docs" / "sandbox.md"


def test_the_curl_lines_work_as_printed(sandbox: SandboxProcess) -> None:
    if shutil.which("curl") is None:
        lacking("curl was not found")
    script = "\n".join(blocks_of("bash")).replace("http://localhost:3900", sandbox.base_url)
    script = "set -eu\n" + script
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    answers = [line for line in ended.stdout.splitlines() if line]
    assert len(answers) == script.count("toss ") + script.count("toss()") - 1
    assert [line for line in answers if '"code":"' in line and '"message":"' in line and '"mId"' not in line] == []
    assert '"status":"PARTIAL_CANCELED"' in ended.stdout


def blocks_of(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)


# How a recipe is run, and the file that it is put into; only those whose tool is here.
TOOLS = {"js": ("node", "shop.mjs"), "python": (sys.executable, "shop.py"), "java": ("java", "Shop.java")}
HERE = [language for language, (tool, _) in TOOLS.items() if shutil.which(tool)]


@pytest.mark.parametrize("language", HERE)
def test_a_recipe_works_as_printed(sandbox: SandboxProcess, tmp_path: Path, language: str) -> None:
    tool, name = TOOLS[language]
    [recipe] = [block for block in blocks_of(language) if "TOSS_PAYMENTS_BASE_URL" in block]
    (tmp_path / name).write_text(recipe, encoding="utf-8")
    environment = os.environ | {"TOSS_PAYMENTS_BASE_URL": sandbox.base_url}
    command = [tool, str(tmp_path / name)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "DONE PARTIAL_CANCELED 14000\n", "")


def test_the_recipes_of_other_languages_name_what_is_there() -> None:
    """They are not run: their tools are lacking. At least their paths, fields and settings are those of the others."""
    for language in ("kotlin", "php", "go", "ruby", "csharp"):
        [recipe, *_] = blocks_of(language)
        assert "Basic" in recipe or "asic_auth" in recipe or "BasicAuth" in recipe or "USERPWD" in recipe
        assert "TOSS_PAYMENTS_BASE_URL" in recipe or language == "kotlin"
        assert set(re.findall(r"/(?:v1|sandbox)/[a-z/]+", recipe)) <= {
            "/v1/payments/confirm",
            "/sandbox/checkout",
            "/sandbox/payments/",
        }


def test_payouts_work_as_printed(sandbox: SandboxProcess) -> None:
    [block] = [block for block in blocks_of("python") if "joserfc" in block]
    script = block.replace("http://localhost:3900", sandbox.base_url).replace("test_sk_docs", "test_sk_docs_payouts")
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("PARTIALLY_APPROVED REQUESTED {'pendingAmount': {'currency': 'KRW', 'value': 5000}")


def test_the_numbers_are_true() -> None:
    text = DOCS.read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| (.+?) \| (\d[\d of]*) \|$", text, flags=re.MULTILINE))
    counts = Counter(how(row) for row in OVER_HTTP)
    counts["lever of the control door"] += len(TAX_OFFICE)
    bodies = len(MAKERS) + len(OTHERWISE)
    assert {
        "recorded bodies of Toss that calls make anew: same keys, nulls, arithmetic": f"{bodies} of {bodies}",
        "published errors with their status and text": str(len(WANTED)),
        "… by their real cause": str(counts["real cause"]),
        "… by a lever of the control door": str(counts["lever of the control door"]),
        "… by `TossPayments-Test-Code` only": str(counts["Test-Code"]),
    }.items() <= told.items()
    assert f"({DAYS * ORDERS_A_DAY:,} orders of every method" in text
