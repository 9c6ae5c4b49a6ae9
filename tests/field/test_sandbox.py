"""What the sandbox owes to those who develop with it: it does not hide a fault of theirs, and obeys nobody else."""

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.sandbox.client import Toss
from tests.sandbox.process import SandboxProcess

ACCOUNT = {"bank": "20", "accountNumber": "1000123456789", "holderName": "박토스"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    process = SandboxProcess()
    yield process
    process.stop()


@pytest.fixture
async def toss(sandbox: SandboxProcess) -> AsyncIterator[Toss]:
    async with Toss(sandbox.base_url, f"test_sk_{secrets.token_hex(8)}") as client:
        yield client


async def test_a_refund_that_forgets_the_tax_free_part_is_refused(toss: Toss) -> None:
    """O7: 2,000 of 10,000 are taxed, so a refund of 5,000 gives back at least 3,000 free of tax."""
    key, order_id = await toss.opened(10_000, taxFreeAmount=8_000)
    await toss.authenticate(key)
    await toss.confirm(key, order_id, 10_000)
    assert (await toss.cancel(key, cancelAmount=5_000)).code == "NOT_CANCELABLE_AMOUNT"
    right = (await toss.cancel(key, cancelAmount=5_000, taxFreeAmount=4_000)).json
    assert (right["taxFreeAmount"], right["suppliedAmount"], right["vat"]) == (4_000, 909, 91)


async def test_a_customer_whose_bank_refused_the_refund_gets_it_on_another_account(toss: Toss) -> None:
    """O9."""
    payment = await toss.paid(30_000, method="VIRTUAL_ACCOUNT")
    bank = f"/sandbox/virtual-accounts/{payment['orderId']}"
    await toss.ok(f"{bank}/deposit")
    await toss.ok(f"{bank}/refund", {"outcome": "FAILED"})
    key = payment["paymentKey"]
    await toss.cancel(key, refundReceiveAccount=ACCOUNT)
    await toss.advance(3 * 86_400)
    assert (await toss.payment(key))["virtualAccount"]["refundStatus"] == "FAILED"
    other = ACCOUNT | {"accountNumber": "2000123456789"}
    assert (await toss.cancel(key, refundReceiveAccount=other)).status == 200
    await toss.advance(3 * 86_400)
    assert (await toss.payment(key))["virtualAccount"]["refundStatus"] == "COMPLETED"


async def test_a_page_of_the_web_cannot_steer_the_sandbox_of_this_machine(toss: Toss) -> None:
    """Attack 53."""
    for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
        assert (await toss.post("/sandbox/reset", {}, headers=headers)).status == 403
    assert (await toss.post("/sandbox/reset", {})).status == 200
