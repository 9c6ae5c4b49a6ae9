"""What happens around paywon in a history: the bank, the merchant console, lost webhooks, Toss's clock and troubles."""

import time
from dataclasses import dataclass
from typing import Any, Final, Literal

from tests.state import model, restoring
from tests.state.journal import Heard, Journal, Told
from tests.state.model import Foretell, Order, Truth
from tests.state.replay import SETTLE_WITHIN_S, SurpriseError
from tests.state.world import World

Part = Literal["all", "some", "beyond"]
Victim = Literal["api", "worker", "database"]
Paused = Literal["api", "worker", "sandbox", "backend", "postgres"]
WEBHOOK_FAULTS: Final = ("lose", "double", "reorder")
REASON: Final = "변심"
REFUND_TO: Final = {"bank": "KOOKMIN", "accountNumber": "12345678901", "holderName": "홍길동"}
# Between "not yet" and "past its time" nobody can say what an order is; nothing is asked about it meanwhile.
_BLUR_S: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class Write:
    """A write to paywon, to be sent again with its Idempotency-Key; ``before``: what may have been true then."""

    order: Order
    foretell: Foretell
    before: frozenset[Truth]
    request: tuple[str, str, dict[str, Any]]
    key: Told
    heard: Heard


class Surroundings:
    """One history on empty books, and the model beside it: all that nobody asks paywon for."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.journal = Journal(world.begin())
        self.orders: list[Order] = []
        self.now = 0
        """Seconds by which Toss's clock has been moved."""
        self.ends: dict[str, float] = {}
        self.last: Write | None = None
        self.copied = False
        self.reads_pass = True
        """Whether nothing was ordered that disturbs reads of Toss."""

    # --- The bank ----------------------------------------------------------------------------------------

    def deposit(self, order: Order, *, lost: bool = False) -> None:
        self._bank(order, "deposit", lambda truth: model.deposit(order, truth, self.now), lost=lost)

    def reverse(self, order: Order, *, lost: bool = False) -> None:
        self._bank(order, "reverse", lambda truth: model.reverse(order, truth), lost=lost)

    def _bank(self, order: Order, what: str, foretell: Foretell, *, lost: bool) -> None:
        lost = self._lose_webhooks(order, lost=lost)
        heard = self._call("toss", "POST", "/sandbox/virtual-accounts/" + order.no + "/" + what, {})
        model.happen(order, foretell, "200" if heard.told == "200" else "no")
        if not order.truths:
            raise SurpriseError(f"order {order.no}: the bank's {what} was answered {heard.told}")
        self._let_go(order, lost=lost)
        self.last = None

    # --- The merchant console ----------------------------------------------------------------------------

    def cancel_at_console(
        self, order: Order, part: Part = "all", *, lost: bool = False, reason: str = "콘솔에서 취소"
    ) -> None:
        """Cancel past paywon; nobody but Toss's webhook, its list or a read tells paywon of it."""
        known = self._call(
            "api", "GET", "/api/payments/toss/orders/" + order.no, expect=["200", "404 PAYMENT_NOT_FOUND"]
        )
        if known.told != "200" or (known.reply["payment"] or {}).get("paymentKey") is None:
            return
        won = order.amount // 3 if part == "some" else None
        lost = self._lose_webhooks(order, lost=lost)
        body: dict[str, Any] = {"cancelReason": reason, **({"cancelAmount": won} if won else {})}
        if any(truth.deposit for truth in order.truths | order.past):
            body["refundReceiveAccount"] = REFUND_TO
        path = "/sandbox/console/payments/" + known.pick("payment", "paymentKey") + "/cancel"
        heard = self._call("toss", "POST", path, body)
        if heard.told == "200":
            model.happen(order, lambda truth: model.cancel_elsewhere(truth, won), "200")
            order.elsewhere += heard.reply["cancels"][-1]["cancelAmount"]
            self.last = None
        if not order.truths:
            raise SurpriseError(f"order {order.no}: the console's cancel was answered {heard.told}")
        self._let_go(order, lost=lost)

    # --- Webhooks that never come ------------------------------------------------------------------------

    def _lose_webhooks(self, order: Order, *, lost: bool) -> bool:
        """Have Toss's next webhooks about an order never come.

        Once Toss's clock was moved its list has times of the future, which no walk of ours goes over.
        """
        if lost := lost and self.now == 0:
            self.trouble(kind="lose", orderId=order.no, times=0)
        return lost

    def _let_go(self, order: Order, *, lost: bool) -> None:
        if lost:
            self.journal.do("let_go", order.no)

    # --- Toss's clock, its troubles, and dying or halting processes --------------------------------------

    def advance(self, seconds: int) -> None:
        """Move Toss's clock; what was asked and has no answer may come too late then."""
        self._call("toss", "POST", "/sandbox/clock/advance", {"seconds": seconds}, expect=["200"])
        self.now += seconds
        self.last = None
        for order in self.orders:
            order.truths |= order.fallback

    def trouble(self, **fault: Any) -> None:
        """Have the next call or webhook that fits go wrong."""
        on_the_way = str(fault.get("path", "/v1/payments/")).startswith(("/v1/payments/confirm", "/v1/payments/*"))
        self.reads_pass = self.reads_pass and (fault["kind"] in WEBHOOK_FAULTS or on_the_way)
        self._call("toss", "POST", "/sandbox/faults", {"times": 1, **fault}, expect=["200"])

    def kill(self, who: Victim) -> None:
        self.journal.do("kill", who)

    def pause(self, who: Paused, seconds: float) -> None:
        """Halt a process, as a busy or sleeping host does; what is asked meanwhile only takes longer."""
        self.reads_pass = False
        self.journal.do("disturb", "pause", who, seconds)

    def hold_row(self, order: Order, seconds: float) -> None:
        """Have somebody else's transaction hold an order's row while requests come."""
        self.journal.do("disturb", "hold", order.no, seconds)

    def back_up(self) -> None:
        """Have an operator copy the database, once."""
        if not self.copied:
            self.copied = True
            self.journal.do("disturb", "back-up", "database", 0.0)

    def put_back(self, *, within_s: float = SETTLE_WITHIN_S) -> None:
        """Have the operator put the copy back, and the books heal; nothing is done after it.

        Once Toss's clock was moved its list has times of the future, which no walk of ours goes over.
        """
        if self.copied and self.now == 0:
            self.journal.do("disturb", "put-back", "database", 0.0)
            restoring.heal(self.world, [order.no for order in self.orders], within_s=within_s)

    def expire(self, order: Order) -> None:
        """Wait until a short-lived order is past its time."""
        if order.no in self.ends and not order.expired:
            left = self.ends[order.no] - time.monotonic() + _BLUR_S
            self.journal.do("wait", round(max(left, 0.0), 2))
            order.expired = True

    # --- What both kinds of doing share ------------------------------------------------------------------

    def _call(
        self, side: str, method: str, path: str, body: Any = None, *, key: str | None = None, expect: Any = ()
    ) -> Heard:
        return self.journal.do("call", side, method, path, body, key=key, expect=list(expect))

    def _out_of_blur(self, order: Order) -> None:
        """Note whether an order is past its time, once that is certain."""
        if (end := self.ends.get(order.no)) is None or order.expired:
            return
        left = end - time.monotonic()
        if abs(left) < _BLUR_S:
            self.journal.do("wait", round(left + _BLUR_S, 2))
            left = -_BLUR_S
        order.expired = left < 0
