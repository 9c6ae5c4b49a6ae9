"""Broken rules about what goes on past paywon: the console, lost webhooks, lagging reads, withdrawn orders."""

from typing import Final

from tests.state.history import History
from tests.state.mutants import Mutant
from tests.state.surroundings import REASON
from tests.support.edits import Edit


def _alike_at_the_console(history: History) -> None:
    """Our refund never arrived; somebody at the console did the same, with the same words."""
    order = history.place(amount=9_900, upto="paid")
    history.settle()
    history.trouble(kind="reset", path="/v1/payments/*/cancel")
    history.refund(order, "some")
    history.cancel_at_console(order, "some", lost=True, reason=REASON)
    history.settle()


def _lagging_read(history: History) -> None:
    order = history.place(amount=9_900, upto="paid")
    history.settle()
    history.trouble(kind="lag", orderId=order.no, times=0)
    history.cancel_at_console(order)
    history.journal.do("wait", 1.5)
    history.settle()


def _refund_on_old_books(history: History) -> None:
    order = history.place(amount=9_900, upto="paid")
    history.settle()
    history.cancel_at_console(order, "some", lost=True)
    history.refund(order, "some")


def _lost_console_cancel(history: History) -> None:
    order = history.place(amount=9_900, upto="paid")
    history.settle()
    history.cancel_at_console(order, "some", lost=True)
    history.settle()


def _cancel_by_an_old_key(history: History) -> None:
    order = history.place(amount=9_900)
    history.authenticate(order, "declining")
    history.confirm(order, order.windows[0])
    history.authenticate(order, "approve", history.open_window(order))
    history.confirm(order, order.windows[1])
    history.cancel_by_old_key(order, order.windows[0])


def _confirm_of_a_withdrawn_order(history: History) -> None:
    order = history.place(amount=9_900, upto="authenticated")
    history.withdraw(order)
    history.confirm(order, order.windows[0])


OUTSIDE: Final = (
    Mutant(
        name="a cancel is adopted by amount and wording alone",
        tell=_alike_at_the_console,
        shows="succeeded without evidence of its own",
        edits=(
            Edit(
                file="paywon/payments/recovery.py",
                old="    is_open = now - attempt.first_asked_at < CANCEL_WINDOW\n",
                new="    if reading.cancel_seen:\n        return Step.SUCCEEDED\n"
                "    is_open = now - attempt.first_asked_at < CANCEL_WINDOW\n",
            ),
        ),
    ),
    Mutant(
        name="a webhook is answered by a read that shows less",
        tell=_lagging_read,
        shows="our books say",
        edits=(
            Edit(
                file="paywon/inbox/model.py",
                old="    if any(not claims_more(hint.claim, shown) for",
                new="    if any(True for",
            ),
        ),
    ),
    Mutant(
        name="a refusal that shows old books has nothing read",
        tell=_refund_on_old_books,
        shows="was answered 422 PAYMENT_REFUSED",
        edits=(
            Edit(
                file="paywon/toss/errors.py",
                old="    return code in stale_codes(operation)\n",
                new="    return False\n",
            ),
        ),
    ),
    Mutant(
        name="nothing reads after a console cancel whose webhook was lost",
        tell=_lost_console_cancel,
        shows="our books say",
        edits=(
            Edit(
                file="paywon/reconciliation/model.py",
                old="    if row.status in _CANCELED:\n        return False\n",
                new="    if row.status in _CANCELED:\n        return True\n",
            ),
        ),
    ),
    Mutant(
        name="a cancel acts on another key than it names",
        tell=_cancel_by_an_old_key,
        shows="not 409 PAYMENT_KEY_NOT_CURRENT",
        edits=(
            Edit(
                file="paywon/payments/commands/queries.py",
                old="    if not found.is_current_key:\n",
                new="    if False:\n",
            ),
            Edit(
                file="paywon/payments/commands/cancelling.py",
                old="    if wish.payment_key not in (None, payment.payment_key):\n",
                new="    if False:\n",
            ),
        ),
    ),
    Mutant(
        name="a withdrawn order is paid",
        tell=_confirm_of_a_withdrawn_order,
        shows="was answered 200, not 202 or 409 ORDER_CANCELED",
        edits=(
            Edit(
                file="paywon/orders/model.py",
                old='    if order.status is OrderStatus.CANCELED:\n        raise PaywonError("ORDER_CANCELED")\n',
                new="    if order.status is OrderStatus.CANCELED:\n        return\n",
            ),
        ),
    ),
)
