"""The shell lines of docs/sandbox.md work as printed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.sandbox.process import SandboxProcess

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
