"""The rules: what may be done at any time. No rule has a precondition, so that a history never depends on timing."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.state.history import Customer, History, Upto
from tests.state.model import Order, Truth, Window
from tests.state.surroundings import REASON, Part, Paused, Victim
from tests.state.world import World

PATHS: Final = {
    "confirm": {"path": "/v1/payments/confirm"},
    "cancel": {"path": "/v1/payments/*/cancel"},
    "issue": {"path": "/v1/virtual-accounts"},
    "charge": {"path": "/v1/billing/"},
    "request": {"path": "/v1/payments", "method": "POST"},
    "read": {"path": "/v1/payments/", "method": "GET"},
}
TROUBLES: Final[list[dict[str, Any]]] = [
    {"kind": "drop_reply"},
    {"kind": "reset"},
    {"kind": "half_body"},
    {"kind": "delay", "delayMs": 1300},  # longer than we wait for an answer
    {"kind": "status", "status": 500, "code": "FAILED_INTERNAL_SYSTEM_PROCESSING"},
    {"kind": "status", "status": 429},
]
WEBHOOK_TROUBLES: Final[list[dict[str, Any]]] = [
    {"kind": "lose"},
    {"kind": "double"},
    {"kind": "delay", "target": "webhook", "delayMs": 400},
    {"kind": "reorder", "delayMs": 800},
]

AMOUNTS = st.sampled_from([1_000, 9_900, 50_000])
STARTS = st.sampled_from(["fresh", "authenticated", "paid", "account", "deposited"])
CUSTOMERS = st.sampled_from(["approve", "approve", "account", "declining", "decline", "close"])
PARTS = st.sampled_from(["all", "some", "beyond"])
ANY: Final = 5
NUMBERS = st.integers(0, ANY)
VICTIMS = st.sampled_from(["api", "worker", "database"])
PAUSED = st.sampled_from(["api", "worker", "sandbox", "backend", "postgres"])
MOST_PAUSES: Final = 3
OFTEN = st.sampled_from([True, True, True, False])
SOME = st.sampled_from([False, False, True])
SLOW: Final = {"kind": "delay", "delayMs": 400}
# What goes wrong with the call to Toss that an action leads to.
WRONG = st.sampled_from([None, None, None, *TROUBLES])
Wrong = dict[str, Any] | None


def unpaid(truth: Truth) -> bool:
    return truth.kind == "unpaid"


def waiting(truth: Truth) -> bool:
    return truth.kind == "waiting"


def refundable(truth: Truth) -> bool:
    return truth.kind in ("paid", "waiting") and truth.left > 0


def deposited(truth: Truth) -> bool:
    return truth.kind == "paid" and truth.deposit


@dataclass(frozen=True)
class Failure:
    """A history that went as it must not: why, and the program that does it again."""

    why: str
    script: str
    calls: int


class Shop(RuleBasedStateMachine):
    """Any number of orders; ``found`` is told of each history that fails, ``played`` of each that is over."""

    def __init__(self, world: World, *, found: Callable[[Failure], None], played: Callable[[History], None]) -> None:
        super().__init__()
        self.world, self.found, self.played = world, found, played
        self.history = History(world)
        self.has_killed = False
        self.pauses = 0

    def order(self, number: int, fits: Callable[[Truth], bool] = lambda _truth: True) -> Order:
        """Choose an order: mostly one that fits, where there is one."""
        orders = self.history.orders
        fitting = [order for order in orders if any(map(fits, order.truths))]
        if number == ANY or not fitting:
            fitting = orders
        return fitting[number % len(fitting)]

    def window(self, order: Order, number: int) -> Window | None:
        return order.windows[number % len(order.windows)] if order.windows else self.history.open_window(order)

    def arm(self, where: str, wrong: Wrong) -> None:
        if wrong is not None:
            self.history.trouble(**PATHS[where], **wrong)

    @initialize(capsule=st.booleans(), upto=STARTS)
    def begin(self, capsule: bool, upto: Upto) -> None:
        self.history.place(amount=9_900, capsule=capsule, upto=upto)

    @rule(amount=AMOUNTS, tax_free=st.sampled_from([0, 300]), capsule=st.booleans(), short=SOME, upto=STARTS)
    def place(self, amount: int, tax_free: int, capsule: bool, short: bool, upto: Upto) -> None:
        self.history.place(amount=amount, tax_free=tax_free, capsule=capsule, short=short, upto=upto)

    @rule(amount=AMOUNTS, wrong=WRONG)
    def request(self, amount: int, wrong: Wrong) -> None:
        self.arm("request", wrong)
        self.history.request(amount=amount)

    @rule(number=NUMBERS, how=CUSTOMERS, again=SOME)
    def authenticate(self, number: int, how: Customer, again: bool) -> None:
        order = self.order(number, unpaid)
        self.history.authenticate(order, how, None if again else self.window(order, -1))

    @rule(number=NUMBERS, window=st.integers(0, 2), paid=OFTEN, right=OFTEN, seed1=st.booleans(), wrong=WRONG)
    def confirm(self, number: int, window: int, paid: bool, right: bool, seed1: bool, wrong: Wrong) -> None:
        order = self.order(number, unpaid)
        if (chosen := self.window(order, -1 - window)) is not None:
            self.pay(order, chosen, paid=paid)
            self.arm("confirm", wrong)
            self.history.confirm(order, chosen, right=right, seed1=seed1)

    def pay(self, order: Order, window: Window, *, paid: bool) -> None:
        """Have the customer authenticate, where that was not done: a confirm that comes too early ends a window."""
        if paid and window.state == "open" and window.refused is None:
            self.history.authenticate(order, "approve", window)

    @rule(number=NUMBERS, other=st.integers(0, ANY - 1))
    def confirm_with_strange_key(self, number: int, other: int) -> None:
        self.history.confirm_with_strange_key(self.order(number, unpaid), self.order(other, unpaid))

    @rule(number=NUMBERS, part=PARTS, seed1=st.booleans(), with_account=OFTEN, wrong=WRONG)
    def refund(self, number: int, part: Part, seed1: bool, with_account: bool, wrong: Wrong) -> None:
        self.arm("cancel", wrong)
        self.history.refund(self.order(number, refundable), part, seed1=seed1, with_account=with_account)

    @rule(number=NUMBERS, wrong=WRONG)
    def issue(self, number: int, wrong: Wrong) -> None:
        self.arm("issue", wrong)
        self.history.issue(self.order(number, unpaid))

    @rule(number=NUMBERS, lost=SOME)
    def deposit(self, number: int, lost: bool) -> None:
        self.history.deposit(self.order(number, waiting), lost=lost)

    @rule(number=NUMBERS, lost=SOME)
    def reverse(self, number: int, lost: bool) -> None:
        self.history.reverse(self.order(number, deposited), lost=lost)

    @rule(number=NUMBERS, part=PARTS, lost=st.booleans(), then_ours=SOME)
    def cancel_at_console(self, number: int, part: Part, lost: bool, then_ours: bool) -> None:
        """Cancel past paywon, and perhaps ask the same of paywon, which may not have heard of it."""
        order = self.order(number, refundable)
        self.history.cancel_at_console(order, part, lost=lost)
        if then_ours:
            self.history.refund(order, part)

    @rule(number=NUMBERS, part=PARTS, wrong=st.sampled_from(TROUBLES), lost=st.booleans())
    def cancel_alike_at_console(self, number: int, part: Part, wrong: dict[str, Any], lost: bool) -> None:
        """While our own refund has no answer, the same amount with the same words is cancelled at the console."""
        order = self.order(number, refundable)
        self.arm("cancel", wrong)
        self.history.refund(order, part)
        self.history.cancel_at_console(order, part, lost=lost, reason=REASON)

    @rule(number=NUMBERS, then=SOME)
    def withdraw(self, number: int, then: bool) -> None:
        """Withdraw an order, and perhaps have its customer come back from a window that was open."""
        order = self.order(number, unpaid)
        window = self.window(order, -1) if then else None
        if window is not None:
            self.pay(order, window, paid=True)
        self.history.withdraw(order)
        if window is not None:
            self.history.confirm(order, window)

    @rule(number=NUMBERS, pay=st.booleans())
    def come_back_with_an_old_key(self, number: int, pay: bool) -> None:
        """A declined customer opens another window; the page of the first one is loaded again, late."""
        order = self.order(number, unpaid)
        if (old := self.history.open_window(order)) is None:
            return
        self.history.authenticate(order, "declining", old)
        self.history.confirm(order, old)
        if (new := self.history.open_window(order)) is None:
            return
        self.history.authenticate(order, "approve", new)
        self.history.confirm(order, old)
        if pay:
            self.history.confirm(order, new)
            self.history.confirm(order, old)

    @rule(number=NUMBERS, period=st.sampled_from([None, "2027-01"]), wrong=WRONG)
    def charge(self, number: int, period: str | None, wrong: Wrong) -> None:
        self.arm("charge", wrong)
        self.history.charge(self.order(number, unpaid), period=period)

    @rule()
    def repeat(self) -> None:
        self.history.repeat()

    @rule(seconds=st.sampled_from([700, 2_000, 8 * 86_400]))
    def advance(self, seconds: int) -> None:
        self.history.advance(seconds)

    @rule(number=NUMBERS, then=st.sampled_from(["confirm", "issue", "charge"]))
    def expire(self, number: int, then: str) -> None:
        """Wait until a short-lived order is past its time, if there is one, and try to pay it."""
        short = [order for order in self.history.orders if order.no in self.history.ends and not order.expired]
        if not short:
            return
        order = short[number % len(short)]
        self.history.expire(order)
        if then == "confirm" and (window := self.window(order, -1)) is not None:
            self.pay(order, window, paid=True)
            self.history.confirm(order, window)
        elif then == "issue":
            self.history.issue(order)
        elif then == "charge":
            self.history.charge(order)

    @rule(what=st.sampled_from(TROUBLES))
    def trouble_with_a_read(self, what: dict[str, Any]) -> None:
        self.arm("read", what)

    @rule(what=st.sampled_from(WEBHOOK_TROUBLES))
    def trouble_with_a_webhook(self, what: dict[str, Any]) -> None:
        self.history.trouble(**what)

    @rule(number=NUMBERS, times=st.integers(1, 3))
    def lag(self, number: int, times: int) -> None:
        """Have the next reads of an order show what was before its last change."""
        self.history.trouble(kind="lag", orderId=self.order(number).no, times=times)

    @rule(times=st.integers(2, 8), seconds=st.sampled_from([0, 0, 100, 540]))
    def away(self, times: int, seconds: int) -> None:
        """Toss is away for so many calls, and for minutes by its own clock."""
        self.history.trouble(kind="away", times=times)
        if seconds:
            self.history.advance(seconds)

    @rule(who=PAUSED, seconds=st.sampled_from([0.3, 1.0, 1.5]))
    def pause(self, who: Paused, seconds: float) -> None:
        """Halt a process for a while; a few times in a history, for it takes long."""
        if self.pauses < MOST_PAUSES:
            self.pauses += 1
            self.history.pause(who, seconds)

    @rule(number=NUMBERS, seconds=st.sampled_from([0.5, 1.5]))
    def hold_row(self, number: int, seconds: float) -> None:
        if self.pauses < MOST_PAUSES:
            self.pauses += 1
            self.history.hold_row(self.order(number), seconds)

    @rule(who=VICTIMS, number=NUMBERS, what=st.sampled_from(["nothing", "confirm", "cancel", "issue", "charge"]))
    def kill(self, who: Victim, number: int, what: str) -> None:
        """Kill a process, at rest or while Toss is being asked; once in a history, for it takes long."""
        if self.has_killed:
            return
        self.has_killed = True
        order = self.order(number, refundable if what == "cancel" else unpaid)
        if what == "nothing":
            self.history.kill(who)
            return
        if what == "confirm" and (window := self.window(order, -1)) is not None:
            self.pay(order, window, paid=True)
            self.arm(what, SLOW)
            self.history.confirm(order, window, kill=who)
        elif what == "cancel":
            self.arm(what, SLOW)
            self.history.refund(order, "some", kill=who)
        elif what == "issue":
            self.arm(what, SLOW)
            self.history.issue(order, kill=who)
        elif what == "charge":
            self.arm(what, SLOW)
            self.history.charge(order, kill=who)

    @rule()
    def back_up(self) -> None:
        """Copy the database; the copy is put back at the end of the history."""
        self.history.back_up()

    @rule(number=NUMBERS)
    def look(self, number: int) -> None:
        self.history.look(self.order(number))

    @rule()
    def settle(self) -> None:
        self.history.settle()

    def teardown(self) -> None:
        """Let all come to rest and look, unless the history has failed already or was given up."""
        broken = sys.exc_info()[1]
        try:
            if broken is None:
                self.history.settle()
                self.history.put_back()
                self.world.end()
        except Exception as error:
            broken = error
            raise
        finally:
            self.played(self.history)
            if isinstance(broken, Exception):
                journal = self.history.journal
                self.found(Failure(f"{type(broken).__name__}: {broken}", journal.script(str(broken)), journal.calls))
