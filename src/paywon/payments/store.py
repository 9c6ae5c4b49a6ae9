"""All SQL of payments, their cancels and their audit trail."""

from collections.abc import Collection, Iterable
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, BillingKeyId, OrderId, OrderNo, PaymentId, PaymentKey
from paywon.base.money import Krw
from paywon.db.pool import Connection
from paywon.payments.model import (
    MONEY_MOVING,
    Attempt,
    AttemptStatus,
    AttemptType,
    Cancel,
    Payment,
    PaymentMethod,
    PaymentStatus,
)

_PAYMENT: Final = tuple(field.name for field in fields(Payment))
_ATTEMPT: Final = tuple(field.name for field in fields(Attempt))
_CANCEL: Final = tuple(field.name for field in fields(Cancel))
_ONE_OPEN: Final = "payment_transactions_one_open"
_ONE_CHARGE_A_PERIOD: Final = "payment_transactions_one_charge_a_period"


def _select(columns: tuple[str, ...], table: str) -> str:
    return f"SELECT {', '.join(columns)} FROM {table} "


SELECT_PAYMENT: Final = _select(_PAYMENT, "payments")
SELECT_ATTEMPT: Final = _select(_ATTEMPT, "payment_transactions")
_SELECT_CANCEL: Final = _select(_CANCEL, "payment_cancels")


async def insert_payment(conn: Connection, payment: Payment) -> None:
    await _insert(conn, "payments", payment, _PAYMENT)


async def lock_by_order(conn: Connection, order_id: OrderId) -> Payment | None:
    """Fetch an order's payment and hold its row. The order's row is locked before it, always."""
    return payment_of(await conn.fetchrow(SELECT_PAYMENT + "WHERE order_id = $1 FOR UPDATE", order_id))


async def by_id(conn: Connection, payment_id: PaymentId) -> Payment | None:
    return payment_of(await conn.fetchrow(SELECT_PAYMENT + "WHERE id = $1", payment_id))


async def by_order_no(conn: Connection, order_no: OrderNo) -> Payment | None:
    return payment_of(await conn.fetchrow(SELECT_PAYMENT + "WHERE order_no = $1", order_no))


async def by_key(conn: Connection, payment_key: PaymentKey) -> Payment | None:
    """Fetch the payment that Toss calls ``payment_key`` now; not one that was only asked about under it."""
    return payment_of(await conn.fetchrow(SELECT_PAYMENT + "WHERE payment_key = $1", payment_key))


async def confirms_under(conn: Connection, payment_key: PaymentKey) -> list[Attempt]:
    """Fetch the confirms that were, or are to be, asked of Toss under a paymentKey, newest first: of any order.

    Anybody may put any key to their own order, so that a key was asked about proves nothing of whose it is.
    """
    rows = await conn.fetch(
        SELECT_ATTEMPT
        + """
        WHERE payment_key = $1 AND type = 'payment_confirmation' AND idempotency_key IS NOT NULL
        ORDER BY created_at DESC, id DESC LIMIT 20
        """,
        payment_key,
    )
    return [attempt_of(row) for row in rows]


async def keys_of(conn: Connection, payment_id: PaymentId) -> list[PaymentKey]:
    """Fetch every paymentKey that a payment has, or was asked about under."""
    rows = await conn.fetch(
        """
        SELECT payment_key FROM payments WHERE id = $1 AND payment_key IS NOT NULL
        UNION
        SELECT payment_key FROM payment_transactions
        WHERE payment_id = $1 AND payment_key IS NOT NULL AND type <> 'status_read'
        """,
        payment_id,
    )
    return [PaymentKey(row["payment_key"]) for row in rows]


async def keys_before(conn: Connection, payment_id: PaymentId, at: datetime) -> set[PaymentKey]:
    """Fetch the paymentKeys that a payment had before a time: those of its earlier windows."""
    rows = await conn.fetch(
        "SELECT DISTINCT to_key FROM payment_status_changes WHERE payment_id = $1 AND at < $2 AND to_key IS NOT NULL",
        payment_id,
        at,
    )
    return {PaymentKey(row["to_key"]) for row in rows}


async def last_asked_key(conn: Connection, payment_id: PaymentId) -> PaymentKey | None:
    """Fetch the paymentKey under which Toss was last asked to approve a payment."""
    key: PaymentKey | None = await conn.fetchval(
        """
        SELECT payment_key FROM payment_transactions
        WHERE payment_id = $1 AND type = 'payment_confirmation' AND payment_key IS NOT NULL
          AND idempotency_key IS NOT NULL
        ORDER BY created_at DESC, id DESC LIMIT 1
        """,
        payment_id,
    )
    return key


async def transaction_keys_of(conn: Connection, payment_id: PaymentId) -> list[str]:
    """Fetch the lastTransactionKeys that Toss has ever shown us of a payment."""
    rows = await conn.fetch(
        """
        SELECT DISTINCT response_data ->> 'lastTransactionKey' AS key FROM payment_transactions
        WHERE payment_id = $1 AND response_data ->> 'lastTransactionKey' IS NOT NULL
        """,
        payment_id,
    )
    return [row["key"] for row in rows]


async def secret_digest(conn: Connection, order_no: OrderNo) -> bytes | None:
    """Fetch what is kept of the secret of an order's payment; None where Toss has named none yet."""
    digest: bytes | None = await conn.fetchval("SELECT secret_digest FROM payments WHERE order_no = $1", order_no)
    return digest


async def update_payment(conn: Connection, payment_id: PaymentId, now: datetime, **columns: Any) -> Payment:
    """Set the named columns of a payment and answer the row as it then is."""
    settings = _settings([*columns, "updated_at"], _PAYMENT)
    query = f"UPDATE payments SET {settings} WHERE id = $1 RETURNING {', '.join(_PAYMENT)}"
    payment = payment_of(await conn.fetchrow(query, payment_id, *columns.values(), now))
    assert payment is not None, "the payment was locked by the caller"
    return payment


# --- The audit trail ---------------------------------------------------------------------------------


async def open_attempt(conn: Connection, attempt: Attempt) -> None:
    """Write down a question before it is asked.

    Raises:
        PaywonError: PAYMENT_IN_PROGRESS, another money-moving question on this payment is open;
            BILLING_PERIOD_CHARGED, the key has been charged for the period, or is being charged.
    """
    try:
        await _insert(conn, "payment_transactions", attempt, _ATTEMPT)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == _ONE_OPEN:
            raise PaywonError("PAYMENT_IN_PROGRESS", retry_after_s=1) from error
        if error.constraint_name == _ONE_CHARGE_A_PERIOD:
            raise PaywonError("BILLING_PERIOD_CHARGED", field="billingPeriod") from error
        raise


async def lock_attempt(conn: Connection, attempt_id: AttemptId) -> Attempt:
    """Fetch an attempt and hold its row."""
    row = await conn.fetchrow(SELECT_ATTEMPT + "WHERE id = $1 FOR UPDATE", attempt_id)
    assert row is not None, "attempts are never deleted"
    return attempt_of(row)


async def attempt_by_id(conn: Connection, attempt_id: AttemptId) -> Attempt | None:
    row = await conn.fetchrow(SELECT_ATTEMPT + "WHERE id = $1", attempt_id)
    return attempt_of(row) if row else None


async def update_attempt(conn: Connection, attempt_id: AttemptId, **columns: Any) -> None:
    """Set the named columns of an attempt."""
    query = f"UPDATE payment_transactions SET {_settings(columns, _ATTEMPT)} WHERE id = $1"
    await conn.execute(query, attempt_id, *columns.values())


async def close_attempt(conn: Connection, attempt_id: AttemptId, **columns: Any) -> bool:
    """Set the named columns of an attempt that is still open; answer whether it was."""
    query = f"UPDATE payment_transactions SET {_settings(columns, _ATTEMPT)} WHERE id = $1 AND status = 'pending'"
    return bool(await conn.execute(query, attempt_id, *columns.values()) == "UPDATE 1")


async def open_attempt_of(conn: Connection, payment_id: PaymentId) -> Attempt | None:
    """Fetch the open money-moving attempt of a payment; there is one at most."""
    query = SELECT_ATTEMPT + "WHERE payment_id = $1 AND status = 'pending' AND type = ANY ($2)"
    row = await conn.fetchrow(query, payment_id, list(MONEY_MOVING))
    return attempt_of(row) if row else None


async def last_confirm(conn: Connection, payment_id: PaymentId, payment_key: PaymentKey) -> Attempt | None:
    """Fetch the newest attempt to confirm a payment under this paymentKey that was, or is to be, asked of Toss."""
    return await _last_asked(conn, "payment_key", payment_id, payment_key, AttemptType.PAYMENT_CONFIRMATION)


async def last_charge(conn: Connection, payment_id: PaymentId, billing_key_id: BillingKeyId) -> Attempt | None:
    """Fetch the newest charge of a payment to this billing key that was, or is to be, asked of Toss."""
    return await _last_asked(conn, "billing_key_id", payment_id, billing_key_id, AttemptType.BILLING_CHARGE)


async def _last_asked(
    conn: Connection, column: str, payment_id: PaymentId, key: PaymentKey | BillingKeyId, kind: AttemptType
) -> Attempt | None:
    row = await conn.fetchrow(
        f"""
        {SELECT_ATTEMPT}
        WHERE payment_id = $1 AND {column} = $2 AND type = $3 AND idempotency_key IS NOT NULL
        ORDER BY created_at DESC, id DESC LIMIT 1
        """,
        payment_id,
        key,
        kind,
    )
    return attempt_of(row) if row else None


async def last_about_keys(
    conn: Connection, types: Collection[AttemptType], key_ids: list[BillingKeyId]
) -> dict[BillingKeyId, Attempt]:
    """Fetch the newest attempt of these types for each billing key that has one."""
    columns = ", ".join(_ATTEMPT)
    rows = await conn.fetch(
        f"""
        SELECT DISTINCT ON (billing_key_id) {columns} FROM payment_transactions
        WHERE billing_key_id = ANY ($1) AND type = ANY ($2) ORDER BY billing_key_id, created_at DESC, id DESC
        """,
        key_ids,
        list(types),
    )
    return {row["billing_key_id"]: attempt_of(row) for row in rows}


async def confirming(conn: Connection, payment_ids: list[PaymentId]) -> set[PaymentId]:
    """Answer which of these payments have an open confirm attempt."""
    rows = await conn.fetch(
        """
        SELECT payment_id FROM payment_transactions
        WHERE payment_id = ANY ($1) AND status = 'pending' AND type = 'payment_confirmation'
        """,
        payment_ids,
    )
    return {row["payment_id"] for row in rows}


async def attempts_of(
    conn: Connection, payment_id: PaymentId, *, after: tuple[datetime, AttemptId] | None, limit: int
) -> list[Attempt]:
    """Fetch a page of a payment's audit trail, oldest first."""
    after_time, after_id = after or (None, None)
    rows = await conn.fetch(
        SELECT_ATTEMPT
        + """
        WHERE payment_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) > ($2, $3::uuid))
        ORDER BY created_at, id LIMIT $4
        """,
        payment_id,
        after_time,
        after_id,
        limit,
    )
    return [attempt_of(row) for row in rows]


async def claim_due(
    conn: Connection, types: Collection[AttemptType], now: datetime, *, lease_until: datetime, limit: int
) -> list[Attempt]:
    """Take the open attempts of these types whose time has come; nobody else gets them before ``lease_until``."""
    rows = await conn.fetch(
        f"""
        UPDATE payment_transactions SET resolve_by = $2, retry_count = retry_count + 1, unheard_at = NULL
        WHERE id IN (SELECT id FROM payment_transactions
                     WHERE status = 'pending' AND resolve_by <= $1 AND type = ANY ($4)
                     ORDER BY resolve_by LIMIT $3 FOR UPDATE SKIP LOCKED)
        RETURNING {", ".join(_ATTEMPT)}
        """,
        now,
        lease_until,
        limit,
        list(types),
    )
    return [attempt_of(row) for row in rows]


async def wake_unheard(conn: Connection, now: datetime, *, spread: timedelta) -> int:
    """Make due, within ``spread``, every attempt that waits only because Toss was not heard; return how many."""
    done: str = await conn.execute(
        """
        UPDATE payment_transactions SET resolve_by = $1::timestamptz + random() * $2::interval
        WHERE id IN (SELECT id FROM payment_transactions
                     WHERE status = 'pending' AND unheard_at IS NOT NULL AND resolve_by > $1::timestamptz + $2::interval
                     FOR UPDATE SKIP LOCKED)
        """,
        now,
        spread,
    )
    return int(done.removeprefix("UPDATE "))


async def wake_one_unheard(conn: Connection, now: datetime) -> None:
    """Make due the attempt that has waited longest for Toss to be heard."""
    await conn.execute(
        """
        UPDATE payment_transactions SET resolve_by = $1
        WHERE id = (SELECT id FROM payment_transactions
                    WHERE status = 'pending' AND unheard_at IS NOT NULL AND resolve_by > $1
                    ORDER BY unheard_at LIMIT 1 FOR UPDATE SKIP LOCKED)
        """,
        now,
    )


async def claim_to_look_at(conn: Connection, now: datetime, *, lease_until: datetime, limit: int) -> list[Payment]:
    """Take the payments that are due to be read of our own accord; nobody else gets them before ``lease_until``."""
    rows = await conn.fetch(
        f"""
        UPDATE payments SET look_again_at = $2
        WHERE id IN (SELECT id FROM payments WHERE look_again_at <= $1
                     ORDER BY look_again_at LIMIT $3 FOR UPDATE SKIP LOCKED)
        RETURNING {", ".join(_PAYMENT)}
        """,
        now,
        lease_until,
        limit,
    )
    return [payment for row in rows if (payment := payment_of(row))]


async def look_soon(conn: Connection, payment_id: PaymentId, at: datetime) -> None:
    """Have a payment read by ``at``; a look that is planned for before that stays as it is."""
    await conn.execute("UPDATE payments SET look_again_at = least(look_again_at, $2) WHERE id = $1", payment_id, at)


async def put_off_look(conn: Connection, claimed: Payment, *, until: datetime | None) -> None:
    """Have a claimed payment looked at later, or no more; unless somebody has learned meanwhile when to look."""
    await conn.execute(
        "UPDATE payments SET look_again_at = $3 WHERE id = $1 AND look_again_at = $2",
        claimed.id,
        claimed.look_again_at,
        until,
    )


# --- Cancels -----------------------------------------------------------------------------------------


async def insert_cancel(conn: Connection, cancel: Cancel) -> None:
    await _insert(conn, "payment_cancels", cancel, _CANCEL)


async def cancels_of(conn: Connection, payment_id: PaymentId) -> list[Cancel]:
    """Fetch a payment's cancels in the order they were made, reserved and failed ones included."""
    rows = await conn.fetch(_SELECT_CANCEL + "WHERE payment_id = $1 ORDER BY created_at, id", payment_id)
    return [Cancel(**{**dict(row), "cancel_amount": Krw(row["cancel_amount"])}) for row in rows]


async def cancel_of_attempt(conn: Connection, attempt_id: AttemptId) -> Cancel | None:
    row = await conn.fetchrow(_SELECT_CANCEL + "WHERE attempt_id = $1", attempt_id)
    return Cancel(**{**dict(row), "cancel_amount": Krw(row["cancel_amount"])}) if row else None


async def update_cancel(conn: Connection, cancel: Cancel, **columns: Any) -> None:
    """Set the named columns of a cancel."""
    query = f"UPDATE payment_cancels SET {_settings(columns, _CANCEL)} WHERE id = $1"
    await conn.execute(query, cancel.id, *columns.values())


async def delete_reservation(conn: Connection, reserved: Cancel) -> None:
    """Delete a row that Toss has never named: the one that it named stands in its place."""
    await conn.execute("DELETE FROM payment_cancels WHERE id = $1 AND transaction_key IS NULL", reserved.id)


# --- Rows and values ---------------------------------------------------------------------------------


def _settings(columns: Iterable[str], known: tuple[str, ...]) -> str:
    """Return what an UPDATE sets, from $2 on."""
    assert set(columns) <= set(known), "only columns of the table"
    return ", ".join(f"{name} = ${place}" for place, name in enumerate(columns, start=2))


async def _insert(conn: Connection, table: str, value: object, columns: tuple[str, ...]) -> None:
    marks = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
    query = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
    await conn.execute(query, *(getattr(value, column) for column in columns))


def payment_of(row: Any) -> Payment | None:
    """Return a row of ``payments`` as a value; None for none."""
    if row is None:
        return None
    method = PaymentMethod(row["payment_method"]) if row["payment_method"] else None
    return Payment(**(dict(row) | {"payment_method": method, "status": PaymentStatus(row["status"])}))


def attempt_of(row: Any) -> Attempt:
    """Return a row of ``payment_transactions`` as a value."""
    return Attempt(**{**dict(row), "type": AttemptType(row["type"]), "status": AttemptStatus(row["status"])})
