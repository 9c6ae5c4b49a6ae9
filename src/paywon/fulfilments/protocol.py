"""What a fulfilment is, and what it may say."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol, runtime_checkable

from paywon.db.pool import Connection
from paywon.orders.model import Order

ENTRY_POINTS: Final = "paywon.fulfilments"
# Why a paid order is not fulfilled, or a refunded one not taken back, beside what a fulfilment says itself.
NOT_INSTALLED: Final = "FULFILMENT_NOT_INSTALLED"
FAILED: Final = "FULFILMENT_FAILED"
REVERSAL_FAILED: Final = "REVERSAL_FAILED"


class OptionRefused(Exception):  # noqa: N818 - it is an answer to whoever places an order
    """Raised by ``check``: an option is missing or wrong. ``field`` is its name in the order's options."""

    def __init__(self, field: str, *, ko: str, en: str) -> None:
        super().__init__(en)
        self.field, self.ko, self.en = field, ko, en


@runtime_checkable
class Fulfilment(Protocol):
    """Hands over what an order is for, within paywon's own transactions.

    ``fulfil`` and ``reverse`` run while the order and its payment are locked, on a connection of the database that
    paywon keeps its books in: they write their rows there and do nothing else. No network, no waiting, no COMMIT.
    Both may be called for the same order again, and then leave it as one call would have.
    """

    def check(self, options: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """Look at the options of an order that is being placed; answer what is kept, as ``order.fulfilment_spec``.

        Raises:
            OptionRefused: something is missing or wrong.
        """
        ...

    async def fulfil(self, conn: Connection, order: Order, now: datetime) -> str | None:
        """Hand over what a paid order is for; answer None, or in a word why it cannot be done.

        An order that was reversed may be paid again: then what was taken back is given again.
        """
        ...

    async def reverse(self, conn: Connection, order: Order, now: datetime, reason: str | None) -> None:
        """Take back what was handed over: after a full refund (``reason`` None), or DEPOSIT_REVERSED."""
        ...


@runtime_checkable
class Priced(Protocol):
    """A fulfilment that knows what it costs: an order that an app's own user places has to be of that amount.

    One without ``price`` can be ordered by servers only, which name the amount themselves.
    """

    def price(self, spec: Mapping[str, Any], now: datetime) -> int | None:
        """Return the won that an order with this ``fulfilment_spec`` costs; None where that is not known."""
        ...
