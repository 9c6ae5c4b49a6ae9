"""All SQL of cash receipts."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from paywon.base.ids import AttemptId, CashReceiptId, PaymentId
from paywon.base.money import Krw
from paywon.db.pool import Connection
from paywon.receipts.model import IssueStatus, Receipt, ReceiptType, TransactionType

_COLUMNS: Final = tuple(field.name for field in fields(Receipt))
_NAMES: Final = ", ".join(_COLUMNS)
_SELECT: Final = f"SELECT {_NAMES} FROM cash_receipts "


async def insert(conn: Connection, receipt: Receipt) -> None:
    marks = ", ".join(f"${place}" for place in range(1, len(_COLUMNS) + 1))
    query = f"INSERT INTO cash_receipts ({_NAMES}) VALUES ({marks})"
    await conn.execute(query, *(getattr(receipt, column) for column in _COLUMNS))


async def lock(conn: Connection, receipt_id: CashReceiptId) -> Receipt:
    """Fetch a receipt and hold its row. It is locked after order, payment and attempt, always."""
    row = await conn.fetchrow(_SELECT + "WHERE id = $1 FOR UPDATE", receipt_id)
    assert row is not None, "receipts are never deleted"
    return _receipt(row)


async def by_id(conn: Connection, receipt_id: CashReceiptId) -> Receipt | None:
    row = await conn.fetchrow(_SELECT + "WHERE id = $1", receipt_id)
    return _receipt(row) if row else None


async def by_attempt(conn: Connection, attempt_id: AttemptId) -> Receipt | None:
    row = await conn.fetchrow(_SELECT + "WHERE attempt_id = $1", attempt_id)
    return _receipt(row) if row else None


async def of_payment(conn: Connection, payment_id: PaymentId) -> list[Receipt]:
    """Fetch a payment's receipts in the order they were asked for, failed ones and cancels included."""
    rows = await conn.fetch(_SELECT + "WHERE payment_id = $1 ORDER BY created_at, id", payment_id)
    return [_receipt(row) for row in rows]


async def is_held(conn: Connection, receipt_key: str, *, beside: CashReceiptId) -> bool:
    """Whether another row has this receiptKey."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM cash_receipts WHERE receipt_key = $1 AND id <> $2)", receipt_key, beside
    )
    return found


async def update(conn: Connection, receipt_id: CashReceiptId, now: datetime, **columns: Any) -> Receipt:
    """Set the named columns of a receipt and answer the row as it then is."""
    names = [*columns, "updated_at"]
    assert set(names) <= set(_COLUMNS), "only columns of cash_receipts"
    settings = ", ".join(f"{name} = ${place}" for place, name in enumerate(names, start=2))
    query = f"UPDATE cash_receipts SET {settings} WHERE id = $1 RETURNING {_NAMES}"
    return _receipt(await conn.fetchrow(query, receipt_id, *columns.values(), now))


async def claim_to_look_at(conn: Connection, now: datetime, *, lease_until: datetime, limit: int) -> Sequence[Receipt]:
    """Take the receipts that are due to be looked at in Toss's lists; nobody else gets them before ``lease_until``."""
    rows = await conn.fetch(
        f"""
        UPDATE cash_receipts SET look_again_at = $2
        WHERE id IN (SELECT id FROM cash_receipts WHERE look_again_at <= $1
                     ORDER BY look_again_at LIMIT $3 FOR UPDATE SKIP LOCKED)
        RETURNING {_NAMES}
        """,
        now,
        lease_until,
        limit,
    )
    return [_receipt(row) for row in rows]


def _receipt(row: Any) -> Receipt:
    return Receipt(
        **{
            **dict(row),
            "type": ReceiptType(row["type"]),
            "transaction_type": TransactionType(row["transaction_type"]),
            "issue_status": IssueStatus(row["issue_status"]),
            "amount": Krw(row["amount"]),
        }
    )
