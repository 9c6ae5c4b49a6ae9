"""What a front end opens Toss's window with, and that nobody starts with keys of two pairs."""

import subprocess
import sys

import pytest

from tests.conftest import OpenStack
from tests.support.stack import SECRET_KEYS

CLIENT_KEY = "test_ck_front"


async def test_a_front_end_asks_for_its_client_key_without_any_key(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, TOSS_PAYMENTS_CLIENT_KEY=CLIENT_KEY)
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer nobody"}, {}):
        reply = await stack.api.get("/api/config", headers=headers)
        assert (reply.status, reply.body) == (200, {"clientKey": CLIENT_KEY, "environment": "test"})
        assert reply.headers["cache-control"] == "max-age=300, public"
    assert stack.toss_key not in str(reply.body)


async def test_without_a_client_key_a_front_end_is_told_that_there_is_none(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False)
    assert (await stack.api.get("/api/config")).body == {"clientKey": None, "environment": "test"}


@pytest.mark.parametrize("command", ["serve", "worker", "doctor"])
def test_nobody_starts_with_a_client_key_of_another_environment(command: str) -> None:
    environment = {
        "PAYWON_ENV": "development",
        "DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "TOSS_PAYMENTS_SECRET_KEY": "test_sk_1",
        "TOSS_PAYMENTS_CLIENT_KEY": "live_ck_1",
        "PAYWON_SECRET_KEYS": SECRET_KEYS,
        "PAYWON_HOME": "/nonexistent-paywon-home",
        "PATH": "/usr/bin",
    }
    done = subprocess.run(
        [sys.executable, "-m", "paywon", command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode != 0 and "TOSS_PAYMENTS_CLIENT_KEY" in told and "test_ck_" in told, told
