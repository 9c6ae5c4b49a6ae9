"""Broken rules about what goes on past paywon: the console, lost webhooks, lagging reads, withdrawn orders."""

from typing import Final

from tests.state import model
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
    _let_be_looked_at(history)
    history.settle()


def _let_be_looked_at(history: History) -> None:
    """Wait until the webhook of a cancel has had its first look, however busy the machine is."""
    history.journal.do("wait", 1.5)
    waiting = "SELECT FROM webhook_events WHERE status = 'received' AND looks = 0"
    for _ in range(40):
        if not history.world.rows(waiting):
            return
        history.journal.do("wait", 0.5)


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


def _lost_refusal(history: History) -> None:
    """Toss has declined a confirm, and nobody heard it."""
    order = history.place(amount=9_900)
    history.authenticate(order, "declining")
    history.trouble(kind="drop_reply", path="/v1/payments/confirm")
    history.confirm(order, order.windows[0])
    history.settle()


def _deposit_taken_back_by_another_clock(history: History) -> None:
    """The host that last read Toss was ahead, so that what is read after the bank's reversal looks older."""
    order = history.place(amount=9_900, upto="deposited")
    history.settle()
    history.world.rows("UPDATE payments SET fact_asked_at = now() + interval '2 s'")
    history.reverse(order)
    history.journal.do("wait", 4.0)
    history.world.rows("UPDATE payments SET look_again_at = now() WHERE look_again_at < now() + interval '1 minute'")
    history.journal.do("wait", 2.0)
    history.settle()


def _confirm_while_toss_is_unwell(history: History) -> None:
    """The customer waits in an open window while read after read fails; the waits are skipped."""
    order = history.place(amount=9_900, upto="authenticated")
    history.trouble(kind="reset", path="/v1/payments/confirm")
    history.trouble(kind="status", status=500, code="UNKNOWN_ERROR", path="/v1/payments/", method="GET", times=0)
    history.confirm(order, order.windows[0])
    for _ in range(14):
        history.world.see_pace()
        history.world.left_open()
        history.journal.do("wait", 0.5)
    history.settle()


def _parked_webhook_again(history: History) -> None:
    """A webhook lies parked; Toss's dashboard sends it again after a console cancel that nobody told of."""
    order = history.place(amount=9_900, upto="paid")
    history.settle()
    history.world.rows("UPDATE webhook_events SET status = 'parked', reason = 'WORK_FAILED'")
    toss = history.world.side("toss")
    told = toss.send("GET", f"/sandbox/webhooks/deliveries?orderId={order.no}")["deliveries"]
    history.cancel_at_console(order, lost=True)
    history.journal.stage.gone.clear()  # no walk over Toss's list is to find it either
    for delivery in told:
        toss.send("POST", f"/sandbox/webhooks/deliveries/{delivery['id']}/resend")
    history.journal.do("wait", 1.5)
    history.journal.do("check", order.no, order.id, model.pictures(order, 0))
    history.settle()


def _withdrawn_while_asked(history: History) -> None:
    order = history.place(amount=9_900, upto="authenticated")
    history.trouble(kind="reset", path="/v1/payments/confirm")
    history.trouble(kind="status", status=500, code="UNKNOWN_ERROR", path="/v1/payments/", method="GET", times=0)
    history.confirm(order, order.windows[0])
    history.withdraw(order)
    history.settle()


def _older_backup(history: History) -> None:
    """The copy is from before a refund, a console cancel, a payment and an order."""
    refunded, canceled = (history.place(amount=9_900, upto="paid") for _ in range(2))
    unpaid = history.place(amount=1_000, upto="authenticated")
    history.settle()
    history.back_up()
    history.refund(refunded, "some")
    history.cancel_at_console(canceled)
    history.confirm(unpaid, unpaid.windows[0])
    history.place(amount=50_000, upto="paid")
    history.settle()
    history.put_back(within_s=40.0)


def _database_dies(history: History) -> None:
    """While Toss is making a refund."""
    order = history.place(amount=9_900, upto="paid")
    history.settle()
    history.trouble(kind="delay", path="/v1/payments/*/cancel", delayMs=800)
    history.refund(order, "some", kill="database")
    history.settle()


OUTSIDE: Final = (
    Mutant(
        name="a database that dies under a question is told as if nothing had been asked",
        tell=_database_dies,
        shows="Toss shows ['paid', 6600], it may be [['paid', 9900]]",
        edits=(
            Edit(
                file="paywon/payments/commands/cashier.py",
                old="    except Exception as error:\n"
                '        raise PaywonError("OUTCOME_UNKNOWN", retry_after_s=2, location=poll_at) from error\n',
                new="    except Exception as error:\n"
                '        raise PaywonError("DATABASE_UNAVAILABLE", retry_after_s=2) from error\n',
            ),
        ),
    ),
    Mutant(
        name="money for an order that an older backup has forgotten is put before nobody",
        tell=_older_backup,
        shows="is forgotten and on no review list",
        edits=(
            Edit(
                file="paywon/reconciliation/commands/walking.py",
                old="        unknown = [row for row in page if row.order_no not in ours]\n",
                new="        unknown: list[Row] = []\n",
            ),
        ),
    ),
    Mutant(
        name="a declined confirm that nobody heard of is taken for done",
        tell=_lost_refusal,
        shows="audit trail of ORD-",
        edits=(
            Edit(
                file="paywon/payments/recovery.py",
                old="    if reading.status in OVER_WITHOUT_MONEY:\n        return Step.FAILED\n"
                "    if reading.status not in (PaymentStatus.READY",
                new="    if reading.status not in (PaymentStatus.READY",
            ),
        ),
    ),
    Mutant(
        name="a step back that looks old is dropped",
        tell=_deposit_taken_back_by_another_clock,
        shows="our books say",
        edits=(
            Edit(
                file="paywon/payments/commands/learning.py",
                old="    if looks_old(payment, fact):\n",
                new="    if False:\n",
            ),
            # A planned look tells it too, for its own lease to be shortened.
            Edit(
                file="paywon/payments/commands/learning.py",
                old="if verdict is Verdict.STALE and looks_old(before.payment, fact) else None",
                new="if False else None",
            ),
        ),
    ),
    Mutant(
        name="a confirm in its window is put off as everything else is",
        tell=_confirm_while_toss_is_unwell,
        shows="a confirm whose window is open is put off",
        edits=(
            Edit(
                file="paywon/payments/recovery.py",
                old="        return min(wait_s, plan.confirm_every_s * (1 + JITTER * (2 * chance - 1)))\n",
                new="        return wait_s\n",
            ),
        ),
    ),
    Mutant(
        name="a repeat of a parked webhook is ignored",
        tell=_parked_webhook_again,
        shows="our books say",
        edits=(
            Edit(
                file="paywon/inbox/commands/receiving.py",
                old="        await store.wait_again(conn, event)\n",
                new="        pass\n",
            ),
        ),
    ),
    Mutant(
        name="an order is withdrawn while a question about it is open",
        tell=_withdrawn_while_asked,
        shows="was withdrawn, and a question about it is open",
        edits=(
            Edit(
                file="paywon/orders/model.py",
                old="    if obstacle is Obstacle.QUESTION:\n",
                new="    if False:\n",
            ),
        ),
    ),
    Mutant(
        name="a webhook claims no more than any read shows",
        tell=_lagging_read,
        shows="our books say",
        edits=(
            Edit(
                file="paywon/inbox/claims.py",
                old="    return _is_further(claim, shown) or _has_newer_cancel(claim, shown) or "
                "_has_lower_balance(claim, shown)\n",
                new="    return False\n",
            ),
        ),
    ),
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
