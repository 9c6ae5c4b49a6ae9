"""One sandbox process for the session; every test speaks with a secret key of its own."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.sandbox.client import Toss
from tests.sandbox.process import SandboxProcess
from tests.sandbox.receiver import Receiver


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxProcess]:
    process = SandboxProcess()
    yield process
    process.stop()


@pytest.fixture
async def toss(sandbox: SandboxProcess) -> AsyncIterator[Toss]:
    async with Toss(sandbox.base_url, f"test_sk_{secrets.token_hex(12)}") as client:
        yield client


@pytest.fixture
async def receiver(toss: Toss) -> AsyncIterator[Receiver]:
    async with Receiver() as running:
        await toss.ok("/sandbox/webhooks", {"url": running.url, "events": ["PAYMENT_STATUS_CHANGED"]})
        yield running
