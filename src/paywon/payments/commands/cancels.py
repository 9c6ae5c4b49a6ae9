"""Take the cancels that Toss lists into our books.

A listed cancel is an attempt's own only by proof: the answer to the attempt's own key names it (toss/api.md 5.4: the
newest entry is then that cancel). One that merely looks like it, by amount and reason, is tied to it for the time
being, so that no won is counted twice; the attempt stays open, and its key's replay decides.
"""

from datetime import datetime
from typing import Any

from paywon.base.ids import AttemptId, CancelId, new_uuid
from paywon.db.pool import Connection
from paywon.payments import store
from paywon.payments.facts import cancel_columns, cancels_listed, newest_cancel
from paywon.payments.model import Cancel, CancelStatus, Payment
from paywon.toss import wire

_NO_REASON = "(토스페이먼츠에서 취소)"


async def learn_cancels(
    conn: Connection,
    payment: Payment,
    answer: wire.Payment,
    raw: dict[str, Any],
    *,
    answered: AttemptId | None,
    now: datetime,
) -> Payment:
    """Take what Toss lists as cancelled, and return the payment.

    ``answered`` is the attempt whose own answer this is; None for a read.
    """
    known = {row.transaction_key: row.cancel_amount for row in await _rows(conn, payment) if row.transaction_key}
    reason = payment.refund_reason
    for told, entry in cancels_listed(answer, raw, known):
        columns = cancel_columns(told, entry)
        reason = columns.get("cancel_reason") or reason
        rows = await _rows(conn, payment)
        own = _own(rows, columns, answer, answered)
        if own is not None:
            await _name_own(conn, payment, rows, own, columns, now)
        else:
            await _name(conn, payment, rows, columns, now)
    await _release_excluded(conn, payment)
    if reason != payment.refund_reason:
        payment = await store.update_payment(conn, payment.id, now, refund_reason=reason)
    return payment


async def _rows(conn: Connection, payment: Payment) -> list[Cancel]:
    return await store.cancels_of(conn, payment.id)


def _own(
    rows: list[Cancel], columns: dict[str, Any], answer: wire.Payment, answered: AttemptId | None
) -> Cancel | None:
    """Return the row of the attempt whose own answer names this entry, whatever Toss made of the reason's wording."""
    if answered is None or columns["transaction_key"] != newest_cancel(answer):
        return None
    return next(
        (row for row in rows if (row.attempt_id, row.cancel_amount) == (answered, columns["cancel_amount"])), None
    )


async def _name_own(
    conn: Connection, payment: Payment, rows: list[Cancel], own: Cancel, columns: dict[str, Any], now: datetime
) -> None:
    """Make the entry the attempt's own for good; what looked like it before becomes somebody else's."""
    named = next((row for row in rows if row.transaction_key == columns["transaction_key"]), None)
    mistaken = own.transaction_key not in (None, columns["transaction_key"])
    if named is None and mistaken:
        await store.update_cancel(conn, own, attempt_id=None)
        await store.insert_cancel(conn, _new(payment, columns, now, attempt_id=own.attempt_id))
    elif named is None or named.id == own.id:
        await store.update_cancel(conn, own, **columns)
    else:
        if mistaken:
            await store.update_cancel(conn, own, attempt_id=None)
        else:
            await store.delete_reservation(conn, own)
        await store.update_cancel(conn, named, **columns, attempt_id=own.attempt_id)


async def _name(conn: Connection, payment: Payment, rows: list[Cancel], columns: dict[str, Any], now: datetime) -> None:
    """Note an entry that nothing proves to be ours: known already, tied to what looks like it, or added."""
    same = next((row for row in rows if row.transaction_key == columns["transaction_key"]), None)
    found = same or _looks_like(rows, columns)
    if found is not None:
        await store.update_cancel(conn, found, **columns)
    else:
        await store.insert_cancel(conn, _new(payment, columns, now))


def _looks_like(rows: list[Cancel], columns: dict[str, Any]) -> Cancel | None:
    for row in rows:
        reserved = row.cancel_status == CancelStatus.PENDING
        if reserved and (row.cancel_amount, row.cancel_reason) == (
            columns["cancel_amount"],
            columns.get("cancel_reason"),
        ):
            return row
    return None


def _new(payment: Payment, columns: dict[str, Any], now: datetime, *, attempt_id: AttemptId | None = None) -> Cancel:
    reason = columns.get("cancel_reason") or _NO_REASON
    return Cancel(
        **{
            **columns,
            "id": CancelId(new_uuid()),
            "payment_id": payment.id,
            "attempt_id": attempt_id,
            "cancel_reason": reason,
            "created_at": now,
        }
    )


async def _release_excluded(conn: Connection, payment: Payment) -> None:
    """Release a reservation that the balance leaves no room for.

    It cannot be carried out any more, or is listed already; the attempt itself is closed by proof.
    """
    if payment.balance_amount is None:
        return
    rows = await _rows(conn, payment)
    # A cancel that Toss still works on may not be in its balance yet.
    gone = sum(row.cancel_amount for row in rows if row.cancel_status in (CancelStatus.DONE, CancelStatus.IN_PROGRESS))
    left = min(payment.balance_amount, payment.total_amount - gone)
    for row in rows:
        if row.cancel_status == CancelStatus.PENDING and row.cancel_amount > left:
            await store.update_cancel(conn, row, cancel_status=CancelStatus.FAILED)
