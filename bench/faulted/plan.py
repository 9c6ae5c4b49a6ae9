"""What is played: payment number N is always the same one, with the same trouble."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

SEED: Final = 20261122
EVERY: Final = 3
"""Every so many payments one meets a trouble."""
LATE_MS: Final = 4_500
"""How late Toss begins to work: longer than we listen (``world.SETTINGS``)."""
_LATE_WEBHOOK_MS: Final = 3_000


class Door(StrEnum):
    """The way a payment is begun."""

    ORDER = "order, then Toss's window"
    REQUEST = "payment request"
    ACCOUNT = "virtual account"


class Refund(StrEnum):
    """What goes back in the end."""

    NONE = "none"
    FULL = "all at once"
    PART = "a part"
    PARTS = "two parts that make the whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One kind of trouble: what the sandbox does to the API call or to its webhook, or that the caller hangs up."""

    name: str
    api: dict[str, Any] | None = None
    webhook: dict[str, Any] | None = None
    caller_leaves: bool = False


_PASSING: Final = "FAILED_INTERNAL_SYSTEM_PROCESSING"
TROUBLES: Final = (
    Trouble(name="reply dropped", api={"kind": "drop_reply"}),
    Trouble(name="webhook lost", webhook={"kind": "lose"}),
    Trouble(name="5xx, stored for the key", api={"kind": "status", "status": 500, "code": _PASSING}),
    Trouble(name="webhook doubled", webhook={"kind": "double"}),
    Trouble(name="late, longer than we listen", api={"kind": "delay", "delayMs": LATE_MS}),
    Trouble(name="reply dropped, webhook lost", api={"kind": "drop_reply"}, webhook={"kind": "lose"}),
    Trouble(name="5xx from a gateway", api={"kind": "status", "status": 503}),
    Trouble(name="half a reply", api={"kind": "half_body"}),
    Trouble(name="webhook late", webhook={"kind": "delay", "delayMs": _LATE_WEBHOOK_MS, "target": "webhook"}),
    Trouble(name="connection reset", api={"kind": "reset"}),
    Trouble(name="webhooks out of order", webhook={"kind": "reorder"}),
    Trouble(name="caller hangs up", caller_leaves=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How a payment has to end; amounts in won, ``capsule`` None where none was asked for."""

    status: str
    balance: int
    cancels: tuple[int, ...]
    order: str
    capsule: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One payment from its order to its end. ``on_refund``: the trouble strikes the refund, not the payment."""

    number: int
    door: Door
    amount: int
    has_capsule: bool
    refund: Refund
    trouble: Trouble | None
    on_refund: bool

    @property
    def turn(self) -> int:
        """Which API is asked first; so that each kind of trouble meets all of them."""
        return self.number + self.number // (EVERY * len(TROUBLES))

    @property
    def parts(self) -> tuple[int, ...]:
        """The refunds, in won."""
        part = self.amount // 3
        return {
            Refund.NONE: (),
            Refund.FULL: (self.amount,),
            Refund.PART: (part,),
            Refund.PARTS: (part, self.amount - part),
        }[self.refund]

    @property
    def expected(self) -> Expected:
        """The end of it, in Toss's words and ours."""
        left = self.amount - sum(self.parts)
        # Partial cancels that add up to the total leave Toss's status at PARTIAL_CANCELED.
        status = {Refund.NONE: "DONE", Refund.FULL: "CANCELED"}.get(self.refund, "PARTIAL_CANCELED")
        order = "PAID" if not self.parts else "PARTIALLY_REFUNDED" if left else "REFUNDED"
        capsule = ("LOCKED" if left else "CANCELED") if self.has_capsule else None
        return Expected(status=status, balance=left, cancels=self.parts, order=order, capsule=capsule)


def errand(number: int) -> Errand:
    """Make the payment of this number."""
    dice = random.Random(SEED * 1_000_003 + number)  # noqa: S311 - nothing secret
    door = dice.choices([Door.ORDER, Door.REQUEST, Door.ACCOUNT], weights=[70, 15, 15])[0]
    refund = dice.choices(list(Refund), weights=[60, 15, 15, 10])[0]
    faulty = number % EVERY == EVERY - 1
    return Errand(
        number=number,
        door=door,
        amount=dice.randrange(1_000, 300_000, 10),
        has_capsule=door is not Door.REQUEST and dice.random() < 0.5,
        refund=refund,
        trouble=TROUBLES[number // EVERY % len(TROUBLES)] if faulty else None,
        on_refund=refund is not Refund.NONE and dice.random() < 0.5,
    )
