"""A SIGKILL loses nothing of accounts, billing, receipts, ledger and settings either."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.sandbox.client import Toss, new_order_id
from tests.sandbox.makers_payouts import payout_day
from tests.sandbox.process import SandboxProcess
from tests.sandbox.sealing import Payouts, approved_seller, new_payout
from tests.sandbox.test_sandbox_nonsense import SUBMALL

EVER = "startDate=2020-01-01&endDate=2099-01-01"
LOOK_UPS = (f"/v1/transactions?{EVER}", f"/v1/settlements?{EVER}", "/sandbox/settings", "/v1/promotions")
ENTITIES = ("/v2/sellers", "/v2/payouts", "/v2/balances")
CARD_RECEIPT = {"orderName": "셔츠", "type": "소득공제", "customerIdentityNumber": "01012341234", "amount": 1000}


async def test_everything_is_there_after_a_kill(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.db"
    first = await asyncio.to_thread(SandboxProcess, state=state)
    async with Toss(first.base_url, "test_sk_memory") as toss:
        account = await toss.paid(method="VIRTUAL_ACCOUNT", cashReceiptType="소득공제")
        later = await toss.paid(method="VIRTUAL_ACCOUNT")
        await toss.cancel((await toss.paid(10000))["paymentKey"], cancelAmount=1000)
        await toss.ok(f"/sandbox/virtual-accounts/{account['orderId']}/deposit")
        unused = (await toss.ok("/sandbox/billing-auth", {"customerKey": "customer"}))["authKey"]
        used = (await toss.ok("/sandbox/billing-auth", {"customerKey": "customer"}))["authKey"]
        issue = {"authKey": used, "customerKey": "customer"}
        key = (await toss.ok("/v1/billing/authorizations/issue", issue))["billingKey"]
        receipt = await toss.ok("/v1/cash-receipts", CARD_RECEIPT | {"orderId": new_order_id()})
        await toss.ok("/sandbox/settings", {"reissueSecurityKey": True, "version": "2024-06-01"})
        payouts = await Payouts.of(toss)
        await payouts.ok(
            "/v2/payouts",
            new_payout(await approved_seller(payouts), scheduleType="SCHEDULED", payoutDate=await payout_day(toss)),
        )
        await toss.ok("/v1/payouts/sub-malls", SUBMALL)
        dollars, order_id = await toss.opened(amount=1.25, currency="USD")  # type: ignore[arg-type]
        await toss.authenticate(dollars)
        await toss.confirm(dollars, order_id, 1.25)
        await toss.advance(86_400)
        day = f"/v1/cash-receipts?requestDate={receipt['requestedAt'][:10]}"
        before = [(await toss.get(path)).json for path in (*LOOK_UPS, "/v1/payouts/sub-malls", day)]
        entities = [await payouts.get(path) for path in ENTITIES]
        await asyncio.to_thread(first.kill)

        second = await asyncio.to_thread(SandboxProcess, port=first.port, state=state)
        assert [(await toss.get(path)).json for path in (*LOOK_UPS, "/v1/payouts/sub-malls", day)] == before
        assert [await payouts.get(path) for path in ENTITIES] == entities
        assert (await toss.post("/v1/billing/authorizations/issue", issue)).code == "INVALID_BILLING_AUTH"
        await toss.ok("/v1/billing/authorizations/issue", issue | {"authKey": unused})
        order = {"customerKey": "customer", "amount": 4900, "orderId": new_order_id(), "orderName": "구독"}
        await toss.ok(f"/v1/billing/{key}", order)
        await toss.ok(f"/sandbox/virtual-accounts/{later['orderId']}/deposit")
        now = (await toss.get(LOOK_UPS[0])).json
        assert now[: len(before[0])] == before[0]
        assert len(now) == len(before[0]) + 2
        await toss.advance(7 * 86_400)
        paid_out = await toss.payment(account["paymentKey"])
        assert paid_out["virtualAccount"]["settlementStatus"] == "COMPLETED"
        assert paid_out["cashReceipts"][0]["issueStatus"] == "COMPLETED"
        assert (await payouts.get("/v2/payouts"))["items"][0]["status"] == "COMPLETED"
        assert (await toss.payment(dollars))["totalAmount"] == 1.25
        await toss.ok("/sandbox/reset")
        assert (await toss.get(LOOK_UPS[0])).json == []
        assert (await payouts.get("/v2/sellers"))["items"] == []
        assert (await toss.post(f"/v1/billing/{key}", order)).code == "INVALID_BILL_KEY_REQUEST"
        await asyncio.to_thread(second.kill)
