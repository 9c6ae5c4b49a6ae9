"""A refund repeated with its key, after the question was put to Toss anew: the answer is what it came to at last."""

import asyncio

from tests.field.conftest import Shop

PASSING = {"code": "FAILED_INTERNAL_SYSTEM_PROCESSING", "message": "내부 시스템 처리 작업이 실패했습니다."}


async def test_a_repeat_is_told_what_became_of_the_refund_that_was_asked_anew(shop: Shop) -> None:
    """The API dies before it answers, Toss fails once and then pays: a repeat must not hear that it was refused."""
    payment = await shop.paid(30_000)
    path, body = f"/payments/{payment['id']}/refund", {"refundReason": "고객", "refundAmount": 10_000}
    place = f"^/v1/payments/{payment['paymentKey']}/cancel$"
    # Nothing of the first answer is heard: the API dies while Toss works. The second one is a failure that may pass.
    failing = shop.proxy.add(method="POST", path=place, answer=(500, PASSING), times=2, delay_s=1.5)
    headers = {"Idempotency-Key": "one-refund"}
    asked = shop.stack.background(shop.api.post(path, body, headers=headers))
    await asyncio.sleep(0.8)
    shop.stack.apis[0].kill()
    assert await shop.stack.outcome(asked) is None
    shop.stack.apis[0].start()

    async def paid_back() -> bool:
        return bool((await shop.at_toss(payment["paymentKey"]))["balanceAmount"] == 20_000)

    await shop.stack.eventually(paid_back, within_s=60)
    assert failing.hits == 2
    # The key counts as running for a while after its request died.
    await shop.stack.rows("UPDATE idempotency_keys SET created_at = created_at - interval '5 minutes' RETURNING key")

    async def closed() -> bool:
        return not await shop.stack.rows("SELECT FROM payment_transactions WHERE status = 'pending'")

    await shop.stack.eventually(closed, within_s=30)
    again = await shop.api.post(path, body, headers=headers)
    assert (again.status, again["payment"]["refundedAmount"]) == (200, 10_000), again
    assert (await shop.at_toss(payment["paymentKey"]))["balanceAmount"] == 20_000
