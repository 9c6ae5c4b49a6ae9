"""What can be done in a history: an action asks, holds the answer against the model, and is written down."""

import time
from typing import Any, Final, Literal

from tests.state import model
from tests.state.journal import Heard, Told
from tests.state.model import Foretell, Order, Truth, Window
from tests.state.replay import SurpriseError, money_of
from tests.state.surroundings import REASON, REFUND_TO, Part, Surroundings, Victim, Write
from tests.state.world import World

Upto = Literal["fresh", "authenticated", "paid", "account", "deposited"]
Customer = Literal["approve", "account", "declining", "decline", "close"]
USER: Final = "6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001"
CAPSULE: Final = {"kind": "time_capsule", "timeOption": "1_YEAR", "headcount": 2, "title": "우리의 여름"}
IN_THE_WINDOW: Final[dict[Customer, dict[str, Any]]] = {
    "approve": {"outcome": "approve", "method": "CARD"},
    "account": {"outcome": "approve", "method": "VIRTUAL_ACCOUNT", "bank": "신한", "customerName": "홍길동"},
    "declining": {"outcome": "approve", "method": "CARD", "declineAtConfirm": "REJECT_CARD_PAYMENT"},
    "decline": {"outcome": "decline"},
    "close": {"outcome": "close"},
}
BILLING: Final = "/api/payments/toss/billing"
ACCOUNT_LIFE_S: Final = 7 * 86_400
SHORT_LIFE_S: Final = 2.0
# A database dies when the question is on record, mostly: before that nothing was done.
_KILLED_AFTER_S: Final[dict[Victim, float]] = {"api": 0.15, "worker": 0.15, "database": 0.35}


class History(Surroundings):
    """One history on empty books, and the model beside it: what is asked of paywon."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.last: Write | None = None
        self.billing_key: Told | None = None

    # --- Orders and windows -----------------------------------------------------------------------------

    def place(
        self, *, amount: int, tax_free: int = 0, capsule: bool = False, short: bool = False, upto: Upto = "fresh"
    ) -> Order:
        """Place an order, and take it some way."""
        body: dict[str, Any] = {"orderName": "타임캡슐", "amount": amount, "userId": USER, "taxFreeAmount": tax_free}
        if capsule:
            body["fulfilment"] = CAPSULE
        if short:
            body["expiresAt"] = self.journal.soon(SHORT_LIFE_S)
        heard = self._call("api", "POST", "/api/orders", body, expect=["201"])
        order = Order(heard.pick("orderNo"), heard.pick("id"), amount, capsule)
        self.orders.append(order)
        if short:
            self.ends[order.no] = time.monotonic() + SHORT_LIFE_S
        self._take(order, upto)
        return order

    def _take(self, order: Order, upto: Upto) -> None:
        if upto in ("authenticated", "paid"):
            self.authenticate(order, "approve")
        if upto == "paid":
            self.confirm(order, order.windows[0])
        if upto in ("account", "deposited"):
            self.issue(order)
        if upto == "deposited":
            self.deposit(order)

    def request(self, *, amount: int) -> None:
        """Seed 1: order, payment and window in one call."""
        body = {
            "userId": USER,
            "resourceType": "booking",
            "resourceId": self.journal.name(),
            "amount": amount,
            "paymentMethod": "card",
            "description": "예약",
        }
        heard = self._call("api", "POST", "/payments/request", body, expect=["201", "202"], key=self.journal.name())
        order = Order(heard.pick("payment", "orderId"), None, amount, capsule=False)
        self.orders.append(order)
        if heard.told == "201":
            order.windows.append(Window(heard.pick("payment", "paymentKey"), since=self.now))
        else:
            order.sure, order.requested = False, True

    def open_window(self, order: Order) -> Window | None:
        """Open a payment window for an order; None where Toss refuses, as it does for an order that was paid."""
        urls = {"successUrl": "http://localhost/success", "failUrl": "http://localhost/fail"}
        body = {"orderId": order.no, "orderName": "타임캡슐", "amount": order.amount, **urls}
        heard = self._call("toss", "POST", "/sandbox/checkout", body)
        if heard.told != "200":
            return None
        order.windows.append(Window(heard.pick("paymentKey"), since=self.now))
        return order.windows[-1]

    def authenticate(self, order: Order, how: Customer, window: Window | None = None) -> None:
        """Play the customer in a window, in a new one if there is none."""
        window = window or self.open_window(order)
        if window is None:
            return
        path = "/sandbox/payments/" + window.key + "/authenticate"
        heard = self._call("toss", "POST", path, IN_THE_WINDOW[how])
        if heard.told == "200" and how in ("approve", "account", "declining"):
            window.state, window.since = how, self.now
            model.catch_up(order)
            self._note_account(order, window.asked and how == "account")

    # --- Paying ------------------------------------------------------------------------------------------

    def confirm(
        self, order: Order, window: Window, *, right: bool = True, seed1: bool = False, kill: Victim | None = None
    ) -> None:
        body = {"paymentKey": window.key, "orderId": order.no, "amount": order.amount + (not right)}
        now = self.now

        def foretell(truth: Truth) -> model.Foretold:
            return model.confirm(order, window, truth, now, right_amount=right)

        path = "/payments/confirm" if seed1 else "/api/payments/toss/confirm"
        refusals = {told for truth in order.truths for told, _ in foretell(truth)} & model.ENDS_A_WINDOW
        heard = self._ask(order, foretell, "POST", path, body, kill=kill)
        if heard.told in model.ENDS_A_WINDOW:
            window.refused = heard.told
        elif heard.told in ("202", "nothing") and right:
            window.asked = True
            window.refused = window.refused or next(iter(refusals), None)
        self._note_account(order, window.state == "account" and heard.told in ("200", "202", "nothing"))

    def confirm_with_strange_key(self, order: Order, other: Order) -> None:
        """Confirm an order with the paymentKey of another one."""
        window = other.windows[-1] if other.windows else self.open_window(other)
        if window is None or other is order:
            return
        now = self.now

        def foretell(truth: Truth) -> model.Foretold:
            return model.confirm_with_strange_key(order, truth, now)

        body = {"paymentKey": window.key, "orderId": order.no, "amount": order.amount}
        self._ask(order, foretell, "POST", "/api/payments/toss/confirm", body)

    def issue(self, order: Order, *, kill: Victim | None = None) -> None:
        """Issue a virtual account."""
        now = self.now
        body = {"orderId": order.no, "bank": "국민은행", "customerName": "홍길동"}

        def foretell(truth: Truth) -> model.Foretold:
            return model.issue(order, truth, now)

        heard = self._ask(order, foretell, "POST", "/api/payments/toss/virtual-accounts", body, kill=kill)
        self._note_account(order, heard.told in ("201", "202", "nothing"))

    def charge(self, order: Order, *, period: str | None = None, kill: Victim | None = None) -> None:
        """Charge an order to the one billing key of a history."""
        if self.billing_key is None:
            self._issue_billing_key()
        taken, now = self._period_is_taken(order, period), self.now

        def foretell(truth: Truth) -> model.Foretold:
            return model.charge(order, truth, now, taken=taken)

        assert self.billing_key is not None, "it was just issued"
        body = {"orderId": order.no, **({"billingPeriod": period} if period else {})}
        heard = self._ask(order, foretell, "POST", f"{BILLING}/" + self.billing_key, body, kill=kill)
        if heard.told in ("200", "202", "nothing"):
            order.period = order.period or period

    def _issue_billing_key(self) -> None:
        customer = self.journal.name()
        window = self._call("toss", "POST", "/sandbox/billing-auth", {"customerKey": customer}, expect=["200"])
        body = {"authKey": window.pick("authKey"), "customerKey": customer}
        heard = self._call("api", "POST", f"{BILLING}/issue", body, expect=["201", "202"])
        self.billing_key = heard.pick("billingKey", "id")
        if heard.told == "202":
            self.settle()

    def _period_is_taken(self, order: Order, period: str | None) -> list[str]:
        """Say whether another order was charged for this period: surely, perhaps, or not."""
        others = [other for other in self.orders if other is not order and period and other.period == period]
        if not others:
            return ["free"]
        surely = any(other.sure and all(truth.by == "charge" for truth in other.truths) for other in others)
        return ["409 BILLING_PERIOD_CHARGED", *["free"] * (not surely)]

    def _note_account(self, order: Order, is_issued: bool) -> None:
        if is_issued and order.due is None:
            order.due = self.now + ACCOUNT_LIFE_S

    # --- Money back --------------------------------------------------------------------------------------

    def refund(
        self,
        order: Order,
        part: Part = "all",
        *,
        seed1: bool = True,
        with_account: bool = True,
        kill: Victim | None = None,
    ) -> None:
        known = self._call(
            "api", "GET", "/api/payments/toss/orders/" + order.no, expect=["200", "404 PAYMENT_NOT_FOUND"]
        )
        if known.told != "200" or (known.reply["payment"] or {}).get("paymentKey") is None:
            return
        won = {"all": None, "some": order.amount // 3, "beyond": order.amount + 1}[part]
        deposited = with_account and any(truth.deposit for truth in order.truths | order.past)

        def foretell(truth: Truth) -> model.Foretold:
            return model.refund(truth, won, with_account=deposited)

        words = ("refundReason", "refundAmount") if seed1 else ("cancelReason", "cancelAmount")
        body: dict[str, Any] = {words[0]: REASON, **({words[1]: won} if won else {})}
        if deposited:
            body["refundReceiveAccount"] = REFUND_TO
        by_key = "/api/payments/toss/" + known.pick("payment", "paymentKey") + "/cancel"
        path = "/payments/" + known.pick("payment", "id") + "/refund" if seed1 else by_key
        self._ask(order, foretell, "POST", path, body, kill=kill)

    def cancel_by_old_key(self, order: Order, window: Window) -> None:
        """Cancel under the key of a window that was declined: nothing of it is to be cancelled."""
        path = "/api/payments/toss/" + window.key + "/cancel"
        expect = ["409 PAYMENT_KEY_NOT_CURRENT"]
        self._call("api", "POST", path, {"cancelReason": REASON}, key=self.journal.name(), expect=expect)

    def withdraw(self, order: Order) -> None:
        """Withdraw an unpaid order at the shop's door; of one that is past its time nothing is said here."""
        self._out_of_blur(order)
        if order.expired or order.is_late(self.now):
            return
        expect = sorted(model.withdrawing(order))
        heard = self._call("api", "POST", "/api/orders/" + order.no + "/cancel", expect=expect, key=self.journal.name())
        if heard.told == "200":
            model.withdraw(order)
            self.journal.do("unasked", order.no)

    # --- Looking -----------------------------------------------------------------------------------------

    def repeat(self) -> None:
        """Send the last write again with its key: one effect, and the same bytes if there was an answer."""
        if (write := self.last) is None:
            return
        self._out_of_blur(write.order)
        expect = model.expected(write.order, write.foretell) | {write.heard.told}
        if write.heard.told == "nothing":
            expect = expect - {"nothing"} | {"409 IDEMPOTENCY_KEY_RUNNING"}
        if write.heard.told[0] == "2":
            expect = {write.heard.told}
        heard = self._call("api", *write.request, key=write.key, expect=sorted(expect))
        if write.heard.told[0] == "2":
            self.journal.do("same", write.heard, heard)
        elif write.heard.told == "nothing" and heard.told in ("200", "201"):
            done = {then for truth in write.before for told, then in write.foretell(truth) if told[0] == "2"}
            write.order.truths = done or write.order.truths  # else it said what our books still show
        elif write.heard.told not in ("nothing", heard.told):
            model.learn(write.order, write.foretell, heard.told)

    def look(self, order: Order) -> None:
        """See that nothing is shown that was never so."""
        seen = sorted({(truth.kind, truth.left) for truth in order.truths | order.past | order.fallback})
        self.journal.do("look", order.no, [list(item) for item in seen])

    def settle(self) -> None:
        """Let everything come to rest, then hold our books against Toss's and both against the model."""
        for order in self.orders:
            self._out_of_blur(order)
        self.journal.do("settle", [order.no for order in self.orders])
        for order in self.orders:
            self.journal.do("check", order.no, order.id, model.pictures(order, self.now))
            self._narrow(order)
        self.reads_pass = True
        self.world.check({order.no: order.elsewhere for order in self.orders})

    def _narrow(self, order: Order) -> None:
        """Keep the one truth that Toss shows; from now on all is known."""
        shown = self.world.side("toss").send("GET", f"/v1/payments/orders/{order.no}")
        kind, left, *_ = money_of(shown.body, "orderId")
        fits = {truth for truth in order.truths if (truth.kind, truth.left, truth.by) == (kind, left, truth.by)}
        if kind != "unpaid":
            keys = [window.key for window in order.windows]
            by = "charge" if shown["type"] == "BILLING" else "account"
            by = shown["paymentKey"] if shown["paymentKey"] in keys else by
            fits = {truth for truth in fits if truth.by == by}
        if len(fits) != 1:
            raise SurpriseError(f"order {order.no}: Toss shows {kind}, {left} won; it may be {order.truths}")
        model.come_to_rest(order, fits)
        if all(truth.by != "charge" for truth in fits):
            order.period = None
        if order.requested:
            self._find_window(order, is_unpaid=kind == "unpaid")

    def _find_window(self, order: Order, *, is_unpaid: bool) -> None:
        """A payment request whose answer was lost has opened its window after all, or its order is cancelled."""
        known = self._call("api", "GET", "/api/payments/toss/orders/" + order.no, expect=["200"])
        order.requested, order.canceled = False, known.reply["order"]["status"] == "CANCELED" and is_unpaid
        if is_unpaid and not order.canceled and not order.windows:
            order.windows.append(Window(known.pick("payment", "paymentKey"), since=self.now))

    # --- Asking ------------------------------------------------------------------------------------------

    def _ask(
        self,
        order: Order,
        foretell: Foretell,
        method: str,
        path: str,
        body: dict[str, Any],
        *,
        kill: Victim | None = None,
    ) -> Heard:
        """Send a write and learn what its answer says; the process that is named dies meanwhile."""
        self._out_of_blur(order)
        key, before = self.journal.name(), frozenset(order.truths)
        broken_off = {"api": {"nothing"}, "database": model.NOTHING_DONE}.get(kill or "", set())
        expect = sorted(model.expected(order, foretell, reads_pass=self.reads_pass) | broken_off)
        if kill is None:
            heard = self._call("api", method, path, body, key=key, expect=expect)
        else:
            after_s = _KILLED_AFTER_S[kill]
            heard = self.journal.do("call_and_kill", kill, after_s, method, path, body, key=key, expect=expect)
        model.learn(order, foretell, heard.told)
        self.last = Write(
            order=order, foretell=foretell, before=before, request=(method, path, body), key=key, heard=heard
        )
        return heard
