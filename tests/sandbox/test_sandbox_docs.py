"""The lines of docs/sandbox.md work as printed, and its numbers are true."""

from __future__ import annotations

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

DOCS = Path(__file__).parents[2] / "docs" / "sandbox.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl: script/setup-system")
def test_the_curl_lines_work_as_printed(sandbox: SandboxProcess) -> None:
    blocks = re.findall(r"```bash\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)
    script = "\n".join(blocks).replace("http://localhost:3900", sandbox.base_url)
    script = "set -eu\n" + script
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    answers = [line for line in ended.stdout.splitlines() if line]
    assert len(answers) == script.count("toss ") + script.count("toss()") - 1
    assert [line for line in answers if '"code":"' in line and '"message":"' in line and '"mId"' not in line] == []
    assert '"status":"PARTIAL_CANCELED"' in ended.stdout


def test_the_python_lines_work_as_printed(sandbox: SandboxProcess) -> None:
    [block] = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)
    script = block.replace("http://localhost:3900", sandbox.base_url).replace("test_sk_docs", "test_sk_docs_python")
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
