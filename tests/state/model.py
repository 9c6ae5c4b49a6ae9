"""What must be true after each action: orders, payments, balances, capsules. Pure; it knows no code of paywon.

An order has a set of *truths*, any of which may be what Toss holds: one while all is known, more while an answer is
unknown. An action foretells for each truth what is answered and what is true then; the answer, and once all is at
rest Toss itself, says which truths are left. No truth left is a violation.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

Kind = Literal["unpaid", "waiting", "paid", "void"]
# Never wrong: not known yet, or another question about this payment is.
UNKNOWN: Final = {"202"}
BUSY: Final = {"409 PAYMENT_IN_PROGRESS", "422 PAYMENT_REFUSED"}
# What a refund is told whose refusal showed that our books were behind the merchant console.
STALE: Final = {"409 BALANCE_CHANGED"}
# Told to who asked while our database died. They may ask anew with another key, so nothing may come of it any more.
NOTHING_DONE: Final = {"503 DATABASE_UNAVAILABLE"}
ENDS_A_WINDOW: Final = {"402 PAYMENT_DECLINED"}


@dataclass(frozen=True)
class Truth:
    """What Toss may hold of an order: won that are left, and what was paid with (a paymentKey, or our own word)."""

    kind: Kind = "unpaid"
    left: int = 0
    by: str | None = None
    deposit: bool = False


@dataclass
class Window:
    """A payment window: what the customer has done in it, when on Toss's clock, and how a confirm was refused.

    ``asked``: a confirm of it had no answer, so that it may be asked again, or was never on record.
    """

    key: str
    state: Literal["open", "approve", "account", "declining"] = "open"
    since: int = 0
    refused: str | None = None
    asked: bool = False


@dataclass
class Order:
    """One order as the model sees it.

    ``past``: truths since all was at rest, which our books may still show.
    ``asked``: questions whose answer is unknown. ``fallback``: truths if nothing comes of them.
    ``requested``: nobody knows yet whether its payment request opens a window or cancels the order.
    ``elsewhere``: won that were cancelled at the merchant console, of which none is ours.
    ``withdrawn``: the shop was told that it is cancelled.
    """

    no: str
    id: str | None
    amount: int
    capsule: bool
    truths: set[Truth] = field(default_factory=lambda: {Truth()})
    past: set[Truth] = field(default_factory=set)
    fallback: set[Truth] = field(default_factory=set)
    asked: "list[Foretell]" = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    sure: bool = True
    expired: bool = False
    requested: bool = False
    canceled: bool = False
    withdrawn: bool = False
    elsewhere: int = 0
    due: int | None = None
    period: str | None = None

    def is_late(self, now: int) -> bool:
        return self.due is not None and now >= self.due


Foretold = Iterator[tuple[str, Truth]]
Foretell = Callable[[Truth], Foretold]


def closed(order: Order, truth: Truth, now: int) -> list[str]:
    """Why an order cannot be paid: any of these; none if it can."""
    if truth.kind == "waiting":
        return ["409 DEPOSIT_AWAITED", "409 ORDER_EXPIRED"] if order.is_late(now) else ["409 DEPOSIT_AWAITED"]
    if truth.kind == "paid":
        return ["409 ORDER_ALREADY_PAID"]
    if truth.kind == "void" or order.canceled:
        return ["409 ORDER_CANCELED", "409 ORDER_EXPIRED"]
    return ["409 ORDER_EXPIRED"] if order.expired else []


def confirm(order: Order, window: Window, truth: Truth, now: int, *, right_amount: bool) -> Foretold:
    if not right_amount:
        yield "422 AMOUNT_MISMATCH", truth
    elif truth.kind in ("paid", "waiting") and truth.by == window.key:
        yield "200", truth
    elif window.refused is not None and not window.asked:
        yield window.refused, truth
    elif reasons := closed(order, truth, now):
        yield from ((reason, truth) for reason in reasons)
    elif window.state == "declining":
        yield "402 PAYMENT_DECLINED", truth
    elif not is_confirmable(window, now):
        yield "409 PAYMENT_EXPIRED", truth
    else:
        yield "200", confirmed(order, window)
    if window.refused is not None and window.asked:
        yield window.refused, truth


def confirmed(order: Order, window: Window) -> Truth:
    account = window.state == "account"
    return Truth("waiting" if account else "paid", order.amount, window.key, account)


def is_confirmable(window: Window, now: int) -> bool:
    """Toss lets a window be confirmed for 10 minutes after the customer has authenticated."""
    return window.state != "open" and now - window.since < 600


def confirm_with_strange_key(order: Order, truth: Truth, now: int) -> Foretold:
    """Toss refuses the key of another order's window, open or not."""
    for reason in closed(order, truth, now) or ["422 PAYMENT_REFUSED", "409 PAYMENT_EXPIRED"]:
        yield reason, truth


def refund(truth: Truth, won: int | None, *, with_account: bool) -> Foretold:
    if truth.kind in ("unpaid", "void") or truth.left == 0:
        yield "409 REFUND_NOT_ALLOWED", truth
    elif won is not None and won > truth.left:
        yield "422 REFUND_EXCEEDS_BALANCE", truth
    elif truth.kind == "waiting":
        whole = won in (None, truth.left)
        yield ("200", replace(truth, kind="void", left=0)) if whole else ("422 PAYMENT_REFUSED", truth)
    elif truth.deposit and not with_account:
        yield "422 REFUND_ACCOUNT_REQUIRED", truth
    else:
        yield "200", replace(truth, left=truth.left - (truth.left if won is None else won))


def issue(order: Order, truth: Truth, now: int) -> Foretold:
    if truth.kind == "waiting" and truth.by == "account" and not order.is_late(now):
        yield "201", truth
    elif reasons := closed(order, truth, now):
        yield from ((reason, truth) for reason in reasons)
        if truth.by == "account" and truth.kind == "waiting":
            yield "201", truth  # past due, and nobody has told us
    else:
        yield "201", Truth("waiting", order.amount, "account", deposit=True)


def charge(order: Order, truth: Truth, now: int, *, taken: list[str]) -> Foretold:
    """``taken``: what is answered where another order may have been charged for the same period."""
    if truth.kind == "paid" and truth.by == "charge":
        yield "200", truth
    elif reasons := closed(order, truth, now):
        yield from ((reason, truth) for reason in reasons)
    else:
        if "free" in taken:
            yield "200", Truth("paid", order.amount, "charge")
        yield from ((reason, truth) for reason in taken if reason != "free")


def deposit(order: Order, truth: Truth, now: int) -> Foretold:
    """Past its due date an account takes nothing; that date moves if the account was asked for more than once."""
    if truth.kind == "waiting":
        yield "200", replace(truth, kind="paid", left=order.amount, deposit=True)
    if truth.kind != "waiting" or order.is_late(now):
        yield "no", truth


def reverse(order: Order, truth: Truth) -> Foretold:
    """A bank takes a deposit back; of one that was partly refunded it cannot."""
    if truth.kind == "paid" and truth.deposit and truth.left == order.amount:
        yield "200", replace(truth, kind="waiting")
    else:
        yield "no", truth


def cancel_elsewhere(truth: Truth, won: int | None) -> Foretold:
    """A cancel in the merchant console: Toss asks nobody but its own books."""
    amount = truth.left if won is None else won
    if truth.kind == "waiting" and amount == truth.left:
        yield "200", replace(truth, kind="void", left=0)
    elif truth.kind == "paid" and 0 < amount <= truth.left:
        yield "200", replace(truth, left=truth.left - amount)
    else:
        yield "no", truth


def withdrawing(order: Order) -> set[str]:
    """What may be answered to who withdraws an order. Never 202: nobody else is asked."""
    by_kind = {
        "unpaid": "200",
        "waiting": "409 ORDER_AWAITS_DEPOSIT",
        "paid": "409 ORDER_ALREADY_PAID",
        "void": "200",
    }
    shown = order.truths if order.sure else order.truths | order.past | order.fallback
    return {by_kind[truth.kind] for truth in shown} | (set() if order.sure else {"409 PAYMENT_IN_PROGRESS"})


def withdraw(order: Order) -> None:
    """From now on nothing is charged for it; only what our books could not know yet may have been true before."""
    order.canceled = order.withdrawn = True
    if any(truth.kind in ("unpaid", "void") for truth in order.truths):
        order.truths = {truth for truth in order.truths if truth.kind in ("unpaid", "void")}


def expected(order: Order, foretell: Foretell, *, reads_pass: bool = False) -> set[str]:
    """What may be answered. Books that lag behind may refuse, or say "done", for what was true before.

    ``reads_pass``: nothing disturbs reads of Toss, so that a refusal that shows our books to be old has them read.
    """
    now = {told for truth in order.truths for told, _ in foretell(truth)}
    if order.sure:
        return now | UNKNOWN
    canceled = {"409 ORDER_CANCELED"} if order.requested else set()
    stale = STALE if order.elsewhere else set()
    busy = BUSY - {"422 PAYMENT_REFUSED"} if reads_pass and _only_the_console_knows(order) else BUSY
    return now | _without_effect(order, foretell) | UNKNOWN | busy | canceled | stale


def _only_the_console_knows(order: Order) -> bool:
    """Whether nothing of ours is open, so that our books are behind only because of cancels that are not ours."""
    paid = all(truth.kind == "paid" and not truth.deposit for truth in order.truths | order.past)
    return order.elsewhere > 0 and not order.asked and paid


def _without_effect(order: Order, foretell: Foretell) -> set[str]:
    return {told for truth in order.past for told, then in foretell(truth) if then == truth}


def learn(order: Order, foretell: Foretell, reply: str) -> None:
    """Keep the truths that fit an answer."""
    if reply in NOTHING_DONE:
        return
    outcomes = [(told, then) for truth in order.truths for told, then in foretell(truth)]
    unchanged = order.truths if not order.sure and reply in _without_effect(order, foretell) else set()
    order.past |= order.truths
    if reply in UNKNOWN or reply == "nothing":
        done = {then for told, then in outcomes if told[0] == "2"}
        certain = reply in UNKNOWN and order.sure and all(told[0] == "2" for told, _ in outcomes)
        order.fallback |= order.truths
        order.truths = done if certain else order.truths | done
        order.asked.append(foretell)
        order.sure = False
    elif reply[0] == "2" or order.sure:
        order.truths = {then for told, then in outcomes if told == reply} | unchanged


def happen(order: Order, foretell: Foretell, reply: str) -> None:
    """Learn what somebody else did at Toss; what we asked there may come before it, after it, or too late."""
    order.truths |= order.fallback
    untouched = {then for truth in order.fallback for told, then in foretell(truth) if told == reply}
    learn(order, foretell, reply)
    if reply[0] == "2":
        order.fallback = untouched if order.asked else set()
        order.sure = False
        catch_up(order)


def catch_up(order: Order) -> None:
    """Whatever is still asked may yet come about: one question once, from where nothing has come of it."""
    since = order.fallback if len(order.asked) == 1 and order.fallback else order.truths
    for foretell in order.asked:
        order.truths |= {then for truth in since for told, then in foretell(truth) if told[0] == "2"}


def come_to_rest(order: Order, truths: set[Truth]) -> None:
    """From now on all is known."""
    order.truths, order.sure = truths, True
    for lingering in (order.past, order.fallback, order.asked):
        lingering.clear()


def pictures(order: Order, now: int) -> list[dict[str, Any]]:
    """What may be seen once all is at rest: Toss's side, the order, its capsule."""
    return [_picture(order, truth, order.is_late(now)) for truth in sorted(order.truths, key=repr)]


def _picture(order: Order, truth: Truth, late: bool) -> dict[str, Any]:
    paid = "PAID" if truth.left == order.amount else "PARTIALLY_REFUNDED" if truth.left else "REFUNDED"
    unpaid = [
        *["PENDING_PAYMENT"] * (not order.withdrawn),
        *["EXPIRED"] * (order.expired or late),
        *["CANCELED"] * (order.requested or order.canceled),
    ]
    status = {"paid": [paid], "void": ["CANCELED", *["EXPIRED"] * late]}.get(truth.kind, unpaid)
    gone = [None, "CANCELED"] if truth.deposit else ["CANCELED"] if truth.kind == "paid" else [None]
    capsule = ["LOCKED"] if truth.kind == "paid" and truth.left else gone
    return {"toss": [truth.kind, truth.left], "order": status, "capsule": capsule if order.capsule else [None]}
