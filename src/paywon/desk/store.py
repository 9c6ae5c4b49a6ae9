"""All SQL of the desk. What it shows is written by other rooms; only decisions are its own."""

from dataclasses import astuple, fields, replace
from datetime import datetime
from typing import Any, Final

from paywon.base.ids import AttemptId, DecisionId
from paywon.db.pool import Connection
from paywon.desk.model import (
    Answer,
    Decision,
    DecisionKind,
    Doubt,
    Kind,
    Leftover,
    Place,
    Sighting,
    Told,
)
from paywon.payments.model import ABOUT_PAYMENTS, Attempt, AttemptType
from paywon.payments.recovery import DOUBTFUL_AFTER, DOUBTFUL_AFTER_TRIES

_DECISION: Final = ", ".join(f.name for f in fields(Decision))
# Neither a webhook's arrival nor a read moves anything, so neither can be in doubt.
_QUESTION: Final = "t.status = 'pending' AND t.type NOT IN ('status_read', 'webhook_received')"
# Whose answers show a payment, if they show anything.
_SHOWS_PAYMENTS: Final = ABOUT_PAYMENTS | {AttemptType.LATE_ANSWER}
_DOUBT: Final = """
    SELECT t.id AS attempt_id, t.type, p.order_no, t.payment_id, p.status AS payment_status, t.payment_key, t.amount,
           t.created_at AS since, t.retry_count AS tries, t.parked_at, t.resolve_by AS next_at,
           t.error_code AS code, t.error_message AS message, t.request_data AS sent
    FROM payment_transactions t LEFT JOIN payments p ON p.id = t.payment_id
    """
_LEFTOVERS: Final = {
    Kind.WEBHOOK: """
        SELECT 'webhook' AS kind, id, received_at AS since, order_no, reason
        FROM webhook_events WHERE status = 'parked' AND ($2::timestamptz IS NULL OR (received_at, id) > ($2, $3::uuid))
        ORDER BY received_at, id LIMIT $1
        """,
    Kind.FULFILMENT: """
        SELECT 'fulfilment' AS kind, id, updated_at AS since, order_no, fulfilment_reason AS reason
        FROM orders
        WHERE fulfilment_status = 'BLOCKED' AND ($2::timestamptz IS NULL OR (updated_at, id) > ($2, $3::uuid))
        ORDER BY updated_at, id LIMIT $1
        """,
    # A receipt made by hand that stands for money which has gone back: all of it, or all beyond what is left.
    Kind.CASH_RECEIPT: """
        SELECT 'cash_receipt' AS kind, p.id, p.updated_at AS since, p.order_no,
               format('CANCEL %s WON OF THE CASH RECEIPTS', s.stands - p.balance_amount) AS reason
        FROM payments p JOIN LATERAL (
            SELECT sum(CASE WHEN r.cancels_id IS NULL THEN r.amount ELSE -r.amount END) AS stands
            FROM cash_receipts r WHERE r.payment_id = p.id AND r.issue_status IN ('IN_PROGRESS', 'COMPLETED')) s ON true
        WHERE p.approved_at IS NOT NULL AND p.balance_amount < p.total_amount AND s.stands > p.balance_amount
          AND ($2::timestamptz IS NULL OR (p.updated_at, p.id) > ($2, $3::uuid))
        ORDER BY p.updated_at, p.id LIMIT $1
        """,
    # Read at least twice: the look after the first is half a minute later.
    Kind.IMPOSSIBLE: """
        SELECT 'impossible' AS kind, id, impossible_since AS since, order_no,
               'TOSS SHOWS ' || impossible_shown AS reason
        FROM payments
        WHERE impossible_since < now() - interval '1 minute'
          AND ($2::timestamptz IS NULL OR (impossible_since, id) > ($2, $3::uuid))
        ORDER BY impossible_since, id LIMIT $1
        """,
    Kind.DIFFERENCE: """
        SELECT 'difference' AS kind, id, found_at AS since, order_no, status AS reason
        FROM reconciliation_differences
        WHERE settled_at IS NULL AND reads >= 3 AND ($2::timestamptz IS NULL OR (found_at, id) > ($2, $3::uuid))
        ORDER BY found_at, id LIMIT $1
        """,
    Kind.UNKNOWN_PAYMENT: """
        SELECT 'unknown_payment' AS kind, id, found_at AS since, order_no, 'MONEY_FOR_UNKNOWN_ORDER' AS reason
        FROM unknown_payments u
        WHERE looks_ours AND status IN ('DONE', 'PARTIAL_CANCELED')
          AND NOT EXISTS (SELECT FROM orders o WHERE o.order_no = u.order_no)
          AND ($2::timestamptz IS NULL OR (found_at, id) > ($2, $3::uuid))
        ORDER BY found_at, id LIMIT $1
        """,
    Kind.REFUND: """
        SELECT 'refund' AS kind, id, updated_at AS since, order_no, virtual_account ->> 'refundStatus' AS reason,
               CASE WHEN balance_amount = 0 THEN 'refund_again' ELSE 'pay_by_hand' END AS door
        FROM payments
        WHERE virtual_account ->> 'refundStatus' IN ('FAILED', 'PARTIAL_FAILED')
          AND ($2::timestamptz IS NULL OR (updated_at, id) > ($2, $3::uuid))
        ORDER BY updated_at, id LIMIT $1
        """,
}
# The attempt, and those that it replaced.
_LINE: Final = """
    WITH RECURSIVE line AS (
        SELECT id, caused_by FROM payment_transactions WHERE id = $1
        UNION ALL
        SELECT t.id, t.caused_by FROM payment_transactions t JOIN line ON t.id = line.caused_by)
    """


async def doubts(conn: Connection, now: datetime, *, after: Place | None, limit: int) -> list[Doubt]:
    """Fetch a page of the open questions that are in doubt, oldest first, with their evidence."""
    after_time, after_id = after or (None, None)
    rows = await conn.fetch(
        f"""
        {_DOUBT} WHERE {_QUESTION} AND (t.parked_at IS NOT NULL OR t.retry_count >= $2 OR t.created_at < $1)
          AND ($4::timestamptz IS NULL OR (t.created_at, t.id) > ($4, $5::uuid))
        ORDER BY t.created_at, t.id LIMIT $3
        """,
        now - DOUBTFUL_AFTER,
        DOUBTFUL_AFTER_TRIES,
        limit,
        after_time,
        after_id,
    )
    return [await _with_evidence(conn, Doubt(**dict(row))) for row in rows]


async def doubt(conn: Connection, attempt_id: AttemptId) -> Doubt | None:
    """Fetch one open question with its evidence; None if it is closed."""
    row = await conn.fetchrow(f"{_DOUBT} WHERE {_QUESTION} AND t.id = $1", attempt_id)
    return None if row is None else await _with_evidence(conn, Doubt(**dict(row)))


async def _with_evidence(conn: Connection, found: Doubt) -> Doubt:
    return replace(
        found,
        answers=await _answers(conn, found.attempt_id),
        webhooks=await _webhooks(conn, found.order_no),
        decisions=await decisions_of(conn, found.attempt_id),
    )


async def _answers(conn: Connection, attempt_id: AttemptId) -> list[Answer]:
    """Fetch what came back: to the attempt, to those that it replaced, and to the reads made for it."""
    rows = await conn.fetch(
        f"""
        {_LINE}
        SELECT coalesce(t.closed_at, t.created_at) AS at, t.type, t.http_status, t.error_code AS code, t.outcome,
               t.response_data ->> 'status' AS shows, t.error_message AS message,
               CASE WHEN jsonb_typeof(t.response_data -> 'rows') = 'number'
                    THEN (t.response_data ->> 'rows')::int END AS listed
        FROM payment_transactions t
        WHERE t.id IN (SELECT id FROM line) OR t.caused_by IN (SELECT id FROM line)
        ORDER BY t.created_at DESC LIMIT 50
        """,
        attempt_id,
    )
    return [Answer(**dict(row)) for row in reversed(rows)]


async def sightings(conn: Connection, attempt: Attempt) -> list[Sighting]:
    """Fetch what every stored answer showed of the payment that a question is about, oldest first."""
    rows = await conn.fetch(
        f"""
        {_LINE}
        SELECT t.type, t.outcome, t.error_code AS code, t.payment_key AS asked_key, t.created_at AS asked_at,
               CASE WHEN t.status <> 'pending' THEN t.closed_at END AS answered_at,
               t.id IN (SELECT id FROM line) OR coalesce(t.caused_by IN (SELECT id FROM line), FALSE) AS about_it,
               shown ->> 'paymentKey' AS payment_key, shown ->> 'orderId' AS order_no, shown ->> 'status' AS status,
               shown ->> 'balanceAmount' AS balance,
               coalesce(shown ->> 'method' IN ('가상계좌', 'VIRTUAL_ACCOUNT')
                        OR jsonb_typeof(shown -> 'virtualAccount') <> 'null', FALSE) AS by_account
        FROM payment_transactions t
        CROSS JOIN LATERAL (
            SELECT CASE WHEN t.http_status BETWEEN 200 AND 299 THEN t.response_data END AS shown) answer
        WHERE (t.id IN (SELECT id FROM line) OR t.caused_by IN (SELECT id FROM line) OR t.payment_id = $2)
          AND t.type = ANY ($3)
        ORDER BY t.created_at, t.id
        """,
        attempt.id,
        attempt.payment_id,
        list(_SHOWS_PAYMENTS),
    )
    return [Sighting(**dict(row)) for row in rows]


async def _webhooks(conn: Connection, order_no: str | None) -> list[Told]:
    rows = await conn.fetch(
        """
        SELECT received_at AS at, event_type, coalesce(body -> 'data' ->> 'status', body ->> 'status') AS claims,
               verdict, status
        FROM webhook_events WHERE order_no = $1 ORDER BY received_at DESC LIMIT 50
        """,
        order_no,
    )
    return [Told(**dict(row)) for row in reversed(rows)]


async def leftovers(conn: Connection, kind: Kind, *, after: Place | None, limit: int) -> list[Leftover]:
    """Fetch a page of what else of a kind waits for a person, oldest first."""
    after_time, after_id = after or (None, None)
    found = [Leftover(**dict(row)) for row in await conn.fetch(_LEFTOVERS[kind], limit, after_time, after_id)]
    rows = await conn.fetch(
        f"SELECT {_DECISION} FROM desk_decisions WHERE order_id = ANY ($1) ORDER BY created_at, id",
        [left.id for left in found],
    )
    decided = [_decision(row) for row in rows]
    return [replace(left, decisions=[each for each in decided if each.order_id == left.id]) for left in found]


async def insert_decision(conn: Connection, decision: Decision) -> None:
    marks = ", ".join(f"${place}" for place in range(1, len(fields(Decision)) + 1))
    await conn.execute(f"INSERT INTO desk_decisions ({_DECISION}) VALUES ({marks})", *astuple(decision))


async def lock_proposal(conn: Connection, attempt_id: AttemptId) -> Decision | None:
    """Fetch and hold the proposal to mark an attempt as failed that nobody has seconded yet."""
    row = await conn.fetchrow(
        f"""
        SELECT {_DECISION} FROM desk_decisions
        WHERE attempt_id = $1 AND kind = 'mark_failed' AND carried_out_at IS NULL FOR UPDATE
        """,
        attempt_id,
    )
    return None if row is None else _decision(row)


async def carry_out(
    conn: Connection, decision_id: DecisionId, now: datetime, *, seconded_by: str, second_actor: str
) -> None:
    """Note that a proposal was seconded and carried out."""
    await conn.execute(
        "UPDATE desk_decisions SET seconded_by = $2, second_actor = $3, carried_out_at = $4 WHERE id = $1",
        decision_id,
        seconded_by,
        second_actor,
        now,
    )


async def decisions_of(conn: Connection, about: Any) -> list[Decision]:
    """Fetch what was decided about an attempt, stray money or an order's fulfilment, oldest first."""
    rows = await conn.fetch(
        f"""
        SELECT {_DECISION} FROM desk_decisions
        WHERE attempt_id = $1 OR stray_id = $1 OR order_id = $1 ORDER BY created_at, id
        """,
        about,
    )
    return [_decision(row) for row in rows]


def _decision(row: Any) -> Decision:
    return Decision(**{**dict(row), "kind": DecisionKind(row["kind"])})
