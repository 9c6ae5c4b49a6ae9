"""All SQL about a person's rows, in whatever room they are. Each statement changes only what still tells of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from paywon.base.ids import BillingKeyId, OrderId, new_uuid
from paywon.db.pool import Connection
from paywon.privacy.model import FORGOTTEN, Act, Erased, Person, UnderWay, books_of, erasure_digest

_PERSONAL: Final = ("request_data", "response_data", "actor", "ip_address", "user_agent")
_COUNTS: Final = """
    SELECT 'orders' AS table, count(*) AS rows FROM orders WHERE user_id = ANY ($1)
    UNION ALL SELECT 'payments', count(*) FROM payments WHERE user_id = ANY ($1)
    UNION ALL SELECT 'capsules', count(*) FROM capsules WHERE user_id = ANY ($1)
    UNION ALL SELECT 'billing_keys', count(*) FROM billing_keys WHERE user_id = ANY ($1) OR customer_key = ANY ($1)
    UNION ALL SELECT 'idempotency_keys', count(*) FROM idempotency_keys WHERE holder = 'user:' || $2
    UNION ALL SELECT 'payment_transactions', count(*) FROM payment_transactions t JOIN payments p ON p.id = t.payment_id
              WHERE p.user_id = ANY ($1)
    UNION ALL SELECT 'payment_cancels', count(*) FROM payment_cancels c JOIN payments p ON p.id = c.payment_id
              WHERE p.user_id = ANY ($1)
    UNION ALL SELECT 'cash_receipts', count(*) FROM cash_receipts r JOIN payments p ON p.id = r.payment_id
              WHERE p.user_id = ANY ($1)
    UNION ALL SELECT 'webhook_events', count(*) FROM webhook_events w JOIN payments p ON p.order_no = w.order_no
              WHERE p.user_id = ANY ($1)
    """


async def count_rows(conn: Connection, person: Person) -> dict[str, int]:
    """Count the rows that bear a person's name, or already their pseudonym."""
    rows = await conn.fetch(_COUNTS, person.names, person.user_id)
    return {row["table"]: row["rows"] for row in rows}


async def orders_of(conn: Connection, person: Person) -> list[OrderId]:
    """Fetch the ids of a person's orders, oldest first."""
    rows = await conn.fetch("SELECT id FROM orders WHERE user_id = ANY ($1) ORDER BY created_at, id", person.names)
    return [OrderId(row["id"]) for row in rows]


async def keys_of(conn: Connection, person: Person) -> list[BillingKeyId]:
    """Fetch the ids of a person's billing keys."""
    query = "SELECT id FROM billing_keys WHERE user_id = ANY ($1) OR customer_key = ANY ($1) ORDER BY id"
    return [BillingKeyId(row["id"]) for row in await conn.fetch(query, person.names)]


async def under_way(conn: Connection, person: Person) -> list[UnderWay]:
    """Fetch what is still going on with a person's money, which needs their data or would bring them back."""
    rows = await conn.fetch(
        """
        SELECT 'order ' || status AS what, order_no AS subject FROM orders
        WHERE user_id = ANY ($1) AND (status = 'PENDING_PAYMENT' OR fulfilment_reason = 'DEPOSIT_HELD'
          OR (fulfilment_status = 'WAITING' AND fulfilment_reason LIKE 'FULFILMENT_FAILED%'))
        UNION ALL
        SELECT 'open ' || t.type, p.order_no FROM payment_transactions t JOIN payments p ON p.id = t.payment_id
        WHERE p.user_id = ANY ($1) AND t.status = 'pending'
        UNION ALL
        SELECT 'refund ' || (virtual_account ->> 'refundStatus'), order_no FROM payments
        WHERE user_id = ANY ($1) AND virtual_account ->> 'refundStatus' = 'PENDING'
        UNION ALL
        SELECT 'stray money', p.order_no FROM strays s JOIN payments p ON p.id = s.payment_id
        WHERE p.user_id = ANY ($1) AND s.returned_at IS NULL
        UNION ALL
        SELECT 'billing key ' || status, id::text FROM billing_keys
        WHERE (user_id = ANY ($1) OR customer_key = ANY ($1)) AND status IN ('ACTIVE', 'ISSUING')
        ORDER BY 1, 2
        """,
        person.names,
    )
    return [UnderWay(row["what"], row["subject"]) for row in rows]


# --- An order and all that hangs on it ------------------------------------------------------------------


async def hold_order(conn: Connection, order_id: OrderId) -> UUID | None:
    """Hold an order and its payment, in the order that everybody does; answer the payment's id."""
    await conn.execute("SELECT FROM orders WHERE id = $1 FOR UPDATE", order_id)
    found: UUID | None = await conn.fetchval("SELECT id FROM payments WHERE order_id = $1 FOR UPDATE", order_id)
    return found


async def forget_order(conn: Connection, order_id: OrderId, person: Person) -> dict[str, int]:
    """Take a person out of a held order and its capsule; answer the changed rows by table."""
    orders = await conn.execute(
        """
        UPDATE orders SET user_id = $2, metadata = NULL, fulfilment_spec = CASE
            WHEN fulfilment_spec IS NULL THEN NULL
            WHEN fulfilment_kind = 'time_capsule' THEN fulfilment_spec || jsonb_build_object('title', $3::text)
            ELSE '{}' END
        WHERE id = $1 AND (user_id <> $2 OR metadata IS NOT NULL)
        """,
        order_id,
        person.pseudonym,
        FORGOTTEN,
    )
    capsules = await conn.execute(
        "UPDATE capsules SET user_id = $2, title = $3 WHERE order_id = $1 AND (user_id, title) <> ($2, $3)",
        order_id,
        person.pseudonym,
        FORGOTTEN,
    )
    return {"orders": _changed(orders), "capsules": _changed(capsules)}


async def forget_payment(conn: Connection, payment_id: UUID, person: Person) -> dict[str, int]:
    """Take a person out of a held payment, its cancels, receipts and decisions; answer the changed rows by table."""
    return {
        "payments": await _forget_payment_row(conn, payment_id, person),
        "payment_cancels": await _forget_cancels(conn, payment_id),
        "cash_receipts": _changed(
            await conn.execute(
                """
                UPDATE cash_receipts SET customer_hint = NULL, receipt_url = NULL
                WHERE payment_id = $1 AND (customer_hint IS NOT NULL OR receipt_url IS NOT NULL)
                """,
                payment_id,
            )
        ),
        "desk_decisions": _changed(
            await conn.execute(
                """
                UPDATE desk_decisions SET reason = $2
                WHERE reason <> $2 AND (attempt_id IN (SELECT id FROM payment_transactions WHERE payment_id = $1)
                                        OR stray_id IN (SELECT id FROM strays WHERE payment_id = $1))
                """,
                payment_id,
                FORGOTTEN,
            )
        ),
        "webhook_events": await _forget_webhooks(conn, payment_id),
        "payment_transactions": await forget_attempts(conn, person, payment_id=payment_id),
    }


async def _forget_payment_row(conn: Connection, payment_id: UUID, person: Person) -> int:
    gone = (
        "description", "customer", "metadata", "ip_address", "user_agent", "refund_reason", "checkout_url",
        "receipt_url", "card_last_four_digits",
    )  # fmt: skip
    documents = ("virtual_account", "cash_receipts", "raw_response")
    row = await conn.fetchrow(f"SELECT {', '.join(documents)} FROM payments WHERE id = $1", payment_id)
    assert row is not None, "payments are never deleted"
    kept = [None if row[name] is None else books_of(row[name]) for name in documents]
    changed = await conn.execute(
        f"""
        UPDATE payments SET user_id = $2, virtual_account = $3, cash_receipts = $4, raw_response = $5,
               {", ".join(f"{name} = NULL" for name in gone)}
        WHERE id = $1 AND (user_id <> $2 OR virtual_account IS DISTINCT FROM $3 OR cash_receipts IS DISTINCT FROM $4
                           OR raw_response IS DISTINCT FROM $5 OR num_nonnulls({", ".join(gone)}) > 0)
        """,
        payment_id,
        person.pseudonym,
        *kept,
    )
    return _changed(changed)


async def _forget_cancels(conn: Connection, payment_id: UUID) -> int:
    changed = 0
    query = "SELECT id, cancel_reason, raw_response FROM payment_cancels WHERE payment_id = $1"
    for row in await conn.fetch(query, payment_id):
        kept = None if row["raw_response"] is None else books_of(row["raw_response"])
        if (row["cancel_reason"], row["raw_response"]) != (FORGOTTEN, kept):
            changed += 1
            await conn.execute(
                "UPDATE payment_cancels SET cancel_reason = $2, raw_response = $3 WHERE id = $1",
                row["id"],
                FORGOTTEN,
                kept,
            )
    return changed


async def _forget_webhooks(conn: Connection, payment_id: UUID) -> int:
    changed = 0
    rows = await conn.fetch(
        """
        SELECT w.id, w.headers, w.body, w.source_address, w.repeat_deliveries FROM payments p
        JOIN webhook_events w ON w.order_no = p.order_no OR w.payment_key = p.payment_key
        WHERE p.id = $1 FOR UPDATE OF w
        """,
        payment_id,
    )
    for row in rows:
        kept = books_of(row["body"])
        if kept != row["body"] or row["headers"] or row["source_address"] or row["repeat_deliveries"]:
            changed += 1
            await conn.execute(
                """
                UPDATE webhook_events SET headers = '{}', body = $2, source_address = NULL, repeat_deliveries = '[]'
                WHERE id = $1
                """,
                row["id"],
                kept,
            )
    return changed


# --- Closed attempts: taken out on record, so that their chain still proves the rest ---------------------


async def forget_attempts(
    conn: Connection, person: Person, *, payment_id: UUID | None = None, billing_key_id: UUID | None = None
) -> int:
    """Take a person out of the closed attempts of one chain; answer how many changed.

    The chain gets a row of its own that says which rows changed and how (migration 0009, ADR 0023).
    """
    rows = await conn.fetch(
        f"""
        SELECT id, {", ".join(_PERSONAL)} FROM payment_transactions
        WHERE (payment_id = $1 OR payment_id IS NULL AND billing_key_id = $2)
          AND closed_at IS NOT NULL AND type <> 'erasure' ORDER BY id FOR UPDATE
        """,
        payment_id,
        billing_key_id,
    )
    changes = {row["id"]: new for row in rows if (new := _without(row, person)) is not None}
    if not changes:
        return 0
    erased = await _digests(conn, changes)
    await _put_on_record(conn, erased, payment_id, billing_key_id)
    for row_id, new in changes.items():
        settings = ", ".join(f"{name} = ${place}" for place, name in enumerate(_PERSONAL, start=2))
        await conn.execute(
            f"UPDATE payment_transactions SET {settings} WHERE id = $1", row_id, *(new[name] for name in _PERSONAL)
        )
    return len(changes)


def _without(row: Any, person: Person) -> dict[str, Any] | None:
    """Answer a row's personal columns without its person; None where there is nothing to take out."""
    ours = row["actor"] in (f"user:{person.user_id}", f"user:{person.pseudonym}")
    new = {
        "request_data": None if row["request_data"] is None else books_of(row["request_data"]),
        "response_data": None if row["response_data"] is None else books_of(row["response_data"]),
        "actor": f"user:{person.pseudonym}" if ours else row["actor"],
        "ip_address": None,
        "user_agent": None,
    }
    return None if all(row[name] == value for name, value in new.items()) else new


async def _digests(conn: Connection, changes: Mapping[UUID, dict[str, Any]]) -> list[Erased]:
    """Have PostgreSQL say what the rows' digests are, and will be."""
    rows = await conn.fetch(
        """
        SELECT t.id, audit_digest(t) AS before, audit_digest(jsonb_populate_record(t, c.new::jsonb)) AS after
        FROM unnest($1::uuid[], $2::text[]) AS c (id, new) JOIN payment_transactions t ON t.id = c.id
        """,
        list(changes),
        [msgspec.json.encode(new).decode() for new in changes.values()],
    )
    return [Erased(row_id=row["id"], before=row["before"], after=row["after"]) for row in rows]


async def _put_on_record(
    conn: Connection, erased: Sequence[Erased], payment_id: UUID | None, billing_key_id: UUID | None
) -> None:
    record_id = new_uuid()
    await conn.execute(
        """
        INSERT INTO payment_transactions
            (id, payment_id, billing_key_id, type, status, outcome, actor, request_data, created_at, closed_at)
        VALUES ($1, $2, $3, 'erasure', 'success', 'yes', 'system:privacy', $4, clock_timestamp(), clock_timestamp())
        """,
        record_id,
        payment_id,
        billing_key_id,
        {"digest": erasure_digest(erased), "rows": len(erased)},
    )
    await conn.executemany(
        "INSERT INTO audit_erasures (row_id, record_id, digest_before, digest_after) VALUES ($1, $2, $3, $4)",
        [(one.row_id, record_id, one.before, one.after) for one in erased],
    )


# --- Billing keys, kept replies, and the act itself -------------------------------------------------------


async def forget_key(conn: Connection, key_id: BillingKeyId, person: Person) -> dict[str, int]:
    """Take a person out of a billing key that charges nothing any more, and out of what was asked about it."""
    row = await conn.fetchrow("SELECT card_meta FROM billing_keys WHERE id = $1 FOR UPDATE", key_id)
    assert row is not None, "billing keys are never deleted"
    kept = None if row["card_meta"] is None else books_of(row["card_meta"])
    changed = await conn.execute(
        """
        UPDATE billing_keys SET user_id = $2, customer_key = $2, key_hint = NULL, key_digest = NULL, card_meta = $3
        WHERE id = $1 AND (user_id IS DISTINCT FROM $2 OR customer_key <> $2 OR key_hint IS NOT NULL
                           OR key_digest IS NOT NULL OR card_meta IS DISTINCT FROM $3)
        """,
        key_id,
        person.pseudonym,
        kept,
    )
    return {
        "billing_keys": _changed(changed),
        "payment_transactions": await forget_attempts(conn, person, billing_key_id=key_id),
    }


async def forget_replies(conn: Connection, subjects: Sequence[UUID], person: Person) -> int:
    """Drop the kept replies about a person's things: a repeat is answered from the books, and does nothing twice."""
    changed = await conn.execute(
        """
        UPDATE idempotency_keys SET status = NULL, headers = NULL, sealed_body = NULL,
               holder = CASE WHEN holder = 'user:' || $2 THEN 'user:' || $3 ELSE holder END
        WHERE holder = 'user:' || $2 OR status IS NOT NULL AND (subject_id = ANY ($1)
              OR subject_id IN (SELECT t.id FROM payment_transactions t JOIN payments p ON p.id = t.payment_id
                                WHERE p.order_id = ANY ($1))
              OR subject_id IN (SELECT r.id FROM cash_receipts r JOIN payments p ON p.id = r.payment_id
                                WHERE p.order_id = ANY ($1)))
        """,
        list(subjects),
        person.user_id,
        person.pseudonym,
    )
    return _changed(changed)


async def begin_act(conn: Connection, act: Act) -> Act:
    """Write down an act, or go on with one that was cut off."""
    row = await conn.fetchrow(
        "SELECT * FROM privacy_acts WHERE pseudonym = $1 AND finished_at IS NULL FOR UPDATE", act.pseudonym
    )
    if row is not None:
        return Act(**dict(row))
    await conn.execute(
        "INSERT INTO privacy_acts (id, pseudonym, operator, started_at, rows) VALUES ($1, $2, $3, $4, $5)",
        act.id,
        act.pseudonym,
        act.operator,
        act.started_at,
        act.rows,
    )
    return act


async def note_progress(conn: Connection, act: Act, rows: Mapping[str, int], finished_at: datetime | None) -> None:
    """Write down how many rows an act has changed so far, and when it was done."""
    await conn.execute(
        "UPDATE privacy_acts SET rows = $2, finished_at = $3 WHERE id = $1", act.id, dict(rows), finished_at
    )


def _changed(done: str) -> int:
    """``UPDATE 3`` → 3."""
    return int(done.rpartition(" ")[2])
