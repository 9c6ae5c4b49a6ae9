"""Rules broken on purpose, each of which the machine has to find."""

from typing import Final

from tests.crash.mutants import Edit

_PAYMENTS: Final = "paywon/payments"

MUTANTS: Final[dict[str, Edit]] = {
    "a full refund leaves the capsule": Edit(
        file=f"{_PAYMENTS}/commands/learning.py",
        old="    await capsules.cancel_capsule(conn, order, now)\n",
        new="",
    ),
    "a told amount is not compared": Edit(
        file=f"{_PAYMENTS}/commands/paying.py",
        old="    if told is None or told == payable.order.amount:\n",
        new="    if True:\n",
    ),
    "a confirm in doubt is given up": Edit(
        file=f"{_PAYMENTS}/recovery.py",
        old="    return _again(attempt) if window_open else Step.WAIT\n",
        new="    return Step.FAILED\n",
    ),
    "a deposit that the bank took back is kept": Edit(
        file=f"{_PAYMENTS}/model.py",
        old="        return Verdict.APPLY if _asked_later(payment, fact) else Verdict.STALE\n",
        new="        return Verdict.STALE\n",
    ),
    "a refund in doubt is taken for done": Edit(
        file=f"{_PAYMENTS}/recovery.py",
        old="    if reading.cancel_seen:\n",
        new="    if reading.status is not None:\n",
    ),
    "an order past its time is paid": Edit(
        file="paywon/orders/model.py",
        old="(order.status is OrderStatus.PENDING_PAYMENT and order.expires_at <= now)",
        new="False",
    ),
}
