"""SQL over attempts that belong together: a question and those that put it again, and questions of the same words."""

from collections.abc import Collection
from datetime import datetime

from paywon.base.ids import AttemptId, OrderNo, PaymentId, PaymentKey
from paywon.base.money import Krw
from paywon.db.pool import Connection
from paywon.payments.model import Attempt, AttemptType
from paywon.payments.store import SELECT_ATTEMPT, attempt_of


async def last_of_line(conn: Connection, attempt_id: AttemptId) -> Attempt | None:
    """Fetch an attempt, or the newest of those that put its question to Toss again with a key of their own."""
    row = await conn.fetchrow(
        f"""
        WITH RECURSIVE line AS (
            SELECT id, type, payment_id, billing_key_id, 0 AS place FROM payment_transactions WHERE id = $1
            UNION ALL
            SELECT t.id, t.type, t.payment_id, t.billing_key_id, line.place + 1 FROM payment_transactions t
            -- No index knows who caused what; those of the payment and of the billing key narrow it down.
            JOIN line ON (t.payment_id = line.payment_id OR t.billing_key_id = line.billing_key_id)
                AND t.caused_by = line.id AND t.type = line.type AND t.idempotency_key IS NOT NULL)
        {SELECT_ATTEMPT} WHERE id = (SELECT id FROM line ORDER BY place DESC LIMIT 1)
        """,
        attempt_id,
    )
    return attempt_of(row) if row else None


async def refusals_in_line(conn: Connection, attempt: Attempt) -> int:
    """Count how often Toss answered a question finally with the present code: this key, and those before it."""
    found: int = await conn.fetchval(
        """
        WITH RECURSIVE line AS (
            SELECT id, type, caused_by, answered, error_code FROM payment_transactions WHERE id = $1
            UNION ALL
            SELECT t.id, t.type, t.caused_by, t.answered, t.error_code
            FROM payment_transactions t JOIN line ON t.id = line.caused_by AND t.type = line.type)
        SELECT count(*) FROM line WHERE answered AND error_code = $2
        """,
        attempt.id,
        attempt.error_code,
    )
    return found


async def asked_alike(
    conn: Connection,
    payment_id: PaymentId,
    *,
    types: Collection[AttemptType],
    amount: Krw | None,
    reason: str,
    within_s: int,
) -> bool:
    """Return whether this cancel, by amount and (redacted) reason, was open or carried out within the last seconds.

    ``amount`` None is all that is left. One that came to nothing does not count.
    """
    found: bool = await conn.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM payment_transactions
            WHERE payment_id = $1 AND type = ANY ($2) AND status <> 'failed'
              AND CASE WHEN $3::bigint IS NULL THEN NOT request_data ? 'cancelAmount' ELSE amount = $3 END
              AND request_data ->> 'cancelReason' = $4
              AND coalesce(closed_at, now()) > now() - make_interval(secs => $5))
        """,
        payment_id,
        list(types),
        amount,
        reason,
        within_s,
    )
    return found


async def hold_trail(conn: Connection, order_no: OrderNo) -> PaymentId | None:
    """Hold the row of an order's payment, so that nobody adds to its trail meanwhile; None where there is no payment.

    A row of the trail is chained before its foreign key is checked, so without this two that add one could wait for
    each other.
    """
    found: PaymentId | None = await conn.fetchval(
        "SELECT id FROM payments WHERE order_no = $1 FOR NO KEY UPDATE", order_no
    )
    return found


async def webhooks_on_record(conn: Connection, payment_id: PaymentId) -> set[AttemptId]:
    """Fetch the rows of a payment's trail that tell of webhooks."""
    rows = await conn.fetch(
        "SELECT id FROM payment_transactions WHERE payment_id = $1 AND type = 'webhook_received'", payment_id
    )
    return {AttemptId(row["id"]) for row in rows}


async def refused_unread(conn: Connection, payment_id: PaymentId) -> list[tuple[PaymentKey, datetime]]:
    """Fetch the paymentKeys whose approval Toss refused, with the time, that nobody has read since."""
    rows = await conn.fetch(
        """
        SELECT t.payment_key, max(t.closed_at) AS refused_at FROM payment_transactions t
        WHERE t.payment_id = $1 AND t.type = 'payment_confirmation' AND t.outcome = 'no' AND t.payment_key IS NOT NULL
          AND t.idempotency_key IS NOT NULL
          AND NOT EXISTS (SELECT FROM payment_transactions r
                          WHERE r.payment_id = $1 AND r.payment_key = t.payment_key AND r.type = 'status_read'
                            AND r.outcome IN ('yes', 'no') AND r.created_at > t.closed_at)
        GROUP BY t.payment_key
        """,
        payment_id,
    )
    return [(PaymentKey(row["payment_key"]), row["refused_at"]) for row in rows]
