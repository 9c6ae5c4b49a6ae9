"""Rules broken on purpose, each with the shortest history that shows it and what the harness has to say of it.

The histories are so chosen that each meets one broken rule alone, so one world with all of them broken can play them
all. ``python -m tests.state --mutants`` breaks one after the other and leaves the machine to find a history by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.state.history import History
from tests.support.edits import Edit


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A broken rule; ``tell`` is a history in which it does harm, ``shows`` what is then said.

    ``alone`` is what is said where no other rule is broken beside it, if that is another thing.
    """

    name: str
    tell: Callable[[History], None]
    shows: str
    edits: tuple[Edit, ...] = ()
    sql: tuple[str, ...] = ()
    alone: str = ""


def _refund_with_capsule(history: History) -> None:
    history.refund(history.place(amount=9_900, capsule=True, upto="paid"))
    history.settle()


def _wrong_amount(history: History) -> None:
    order = history.place(amount=9_900, upto="authenticated")
    history.confirm(order, order.windows[0], right=False)


def _lost_confirm(history: History) -> None:
    order = history.place(amount=9_900, upto="authenticated")
    history.trouble(kind="reset", path="/v1/payments/confirm")
    history.confirm(order, order.windows[0])
    history.settle()


def _lost_refund(history: History) -> None:
    order = history.place(amount=9_900, upto="paid")
    history.trouble(kind="reset", path="/v1/payments/*/cancel")
    history.refund(order, "some")
    history.settle()


def _refund_beyond(history: History) -> None:
    history.refund(history.place(amount=9_900, upto="paid"), "beyond")


def _deposit_taken_back(history: History) -> None:
    order = history.place(amount=9_900, upto="deposited")
    history.settle()
    history.reverse(order)
    history.settle()


def _deposit_with_capsule(history: History) -> None:
    history.place(amount=9_900, capsule=True, upto="deposited")
    history.settle()


def _late_confirm(history: History) -> None:
    order = history.place(amount=9_900, short=True, upto="authenticated")
    history.expire(order)
    history.confirm(order, order.windows[0])


def _charge_period_twice(history: History) -> None:
    for _ in range(2):
        history.charge(history.place(amount=9_900), period="2027-01")


def _key_of_another(history: History) -> None:
    other = history.place(amount=9_900, upto="paid")
    history.confirm_with_strange_key(history.place(amount=9_900), other)
    history.settle()


MUTANTS: Final = (
    Mutant(
        name="a full refund leaves the capsule",
        tell=_refund_with_capsule,
        shows="the order is REFUNDED and its capsule LOCKED",
        edits=(
            Edit(
                file="paywon/capsules/commands.py",
                old="        await store.cancel(conn, order.id, now)\n",
                new="        return\n",
            ),
        ),
    ),
    Mutant(
        name="a told amount is not compared",
        tell=_wrong_amount,
        shows="was answered 200, not 202 or 422 AMOUNT_MISMATCH",
        edits=(
            Edit(
                file="paywon/payments/commands/paying.py",
                old="    if told is None or told == payable.order.amount:\n",
                new="    if True:\n",
            ),
        ),
    ),
    Mutant(
        name="a confirm in doubt is given up",
        tell=_lost_confirm,
        shows="Toss shows ['unpaid', 0]",
        edits=(
            Edit(
                file="paywon/payments/recovery.py",
                old="    return _again(attempt) if window_open else Step.WAIT\n",
                new="    return Step.FAILED\n",
            ),
        ),
    ),
    Mutant(
        name="a refund in doubt is taken for done",
        tell=_lost_refund,
        shows="Toss shows ['paid', 9900]",
        edits=(
            Edit(
                file="paywon/payments/recovery.py",
                old="    if reading.returned:\n",
                new="    if reading.status is not None:\n",
            ),
        ),
    ),
    Mutant(
        name="more is asked back than is left",
        tell=_refund_beyond,
        shows="not 202 or 422 REFUND_EXCEEDS_BALANCE",
        edits=(
            Edit(file="paywon/payments/commands/cancelling.py", old="    if amount > left:\n", new="    if False:\n"),
        ),
    ),
    Mutant(
        name="a deposit that the bank took back is kept",
        tell=_deposit_taken_back,
        shows="our books say ['paid', 9900, 'DONE', []], Toss's ['waiting', 9900, 'WAITING_FOR_DEPOSIT', []]",
        edits=(
            Edit(
                file="paywon/payments/model.py",
                old="        return Verdict.APPLY if is_account and _asked_later(payment, fact) else Verdict.STALE\n",
                new="        return Verdict.STALE\n",
            ),
        ),
    ),
    Mutant(
        name="a deposit is not held",
        tell=_deposit_with_capsule,
        shows="the capsule was handed over before the hold had ended",
        edits=(
            Edit(
                file="paywon/payments/commands/learning.py",
                old="        safe = held_until is None or fact.asked_at >= held_until\n",
                new="        safe = True\n",
            ),
        ),
    ),
    Mutant(
        name="an order past its time is paid",
        tell=_late_confirm,
        shows="was answered 200, not 202 or 409 ORDER_EXPIRED",
        edits=(
            Edit(
                file="paywon/orders/model.py",
                old="(order.status is OrderStatus.PENDING_PAYMENT and order.expires_at <= now)",
                new="False",
            ),
        ),
    ),
    Mutant(
        name="a period is charged twice",
        tell=_charge_period_twice,
        shows="was answered 200, not 202 or 409 BILLING_PERIOD_CHARGED",
        sql=("DROP TRIGGER payment_transactions_one_charge_a_period ON payment_transactions",),
    ),
    Mutant(
        name="a paid order's key pays another order",
        tell=_key_of_another,
        shows="audit trail of ORD-",
        # The refusal has the payment read at once, unless that rule is broken too.
        alone="was answered 200, not 202 or 409 PAYMENT_EXPIRED",
        edits=(
            Edit(
                file="paywon/payments/recovery.py",
                old="    if not reading.same_order:\n        return Step.FAILED",
                new="    if False:\n        return Step.FAILED",
            ),
        ),
    ),
)
