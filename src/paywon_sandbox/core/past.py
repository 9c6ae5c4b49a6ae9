"""What payments were before their last change: what a read shows that lags behind."""

from __future__ import annotations

import time
from collections import OrderedDict

import msgspec

from paywon_sandbox.core.records import PaymentRecord
from paywon_sandbox.core.values import Payment

# Of the payments that changed last: as many as a test looks at, and never much memory.
KEPT = 500
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Payment)


class Sight(msgspec.Struct, frozen=True, gc=False):
    """What there is to see of a payment: its body, None before there was one, and how many of its transactions."""

    body: bytes | None
    transactions: int


class Moment(msgspec.Struct, frozen=True, gc=False):
    """The last change of a payment; `before` is None where the sandbox did not see what was before."""

    before: Sight | None
    after: Sight
    changed_at: float


class Past:
    """The last change of each payment of one account, in real time, not on the account's clock."""

    def __init__(self) -> None:
        self._moments: OrderedDict[str, Moment] = OrderedDict()

    def note(self, record: PaymentRecord, *, is_new: bool) -> None:
        """Remember a payment as it is now, unless nothing of it can be seen to have changed."""
        key = record.payment.payment_key
        after = Sight(_ENCODER.encode(record.payment), len(record.ledger))
        known = self._moments.get(key)
        if known is not None and known.after == after:
            return
        before = known.after if known is not None else Sight(None, 0) if is_new else None
        self._moments[key] = Moment(before=before, after=after, changed_at=time.monotonic())
        self._moments.move_to_end(key)
        if len(self._moments) > KEPT:
            self._moments.popitem(last=False)

    def payment(self, record: PaymentRecord, lag_ms: int | None) -> Payment | None:
        """Return what a read shows that lags so far behind; None where the payment was not there yet."""
        sight = self._earlier(record, lag_ms)
        if sight is None:
            return record.payment
        return None if sight.body is None else _DECODER.decode(sight.body)

    def transactions(self, record: PaymentRecord, lag_ms: int | None) -> int:
        """Return how many transactions of a payment such a read shows."""
        sight = self._earlier(record, lag_ms)
        return len(record.ledger) if sight is None else sight.transactions

    def _earlier(self, record: PaymentRecord, lag_ms: int | None) -> Sight | None:
        """None: the present is shown. A lag of 0 ms lasts until the fault is removed."""
        moment = self._moments.get(record.payment.payment_key)
        if lag_ms is None or moment is None:
            return None
        is_over = lag_ms and time.monotonic() - moment.changed_at >= lag_ms / 1000
        return None if is_over else moment.before
