"""Turns Toss's CashReceipt into our columns, and finds ours in Toss's lists. Pure; the only place that knows both."""

from typing import Any

from paywon.base.ids import OrderNo
from paywon.base.redaction import redact
from paywon.receipts.model import IssueStatus, Receipt, TransactionType, order_no_of
from paywon.toss import wire


def columns_of(shown: wire.CashReceipt) -> dict[str, Any]:
    """Answer the columns of ``cash_receipts`` that Toss's answer fills, by name."""
    status = IssueStatus.IN_PROGRESS
    if shown.issue_status in (IssueStatus.COMPLETED, IssueStatus.FAILED):
        status = IssueStatus(shown.issue_status)
    free = shown.tax_free_amount
    return {
        "receipt_key": shown.receipt_key,
        "issue_number": shown.issue_number,
        "issue_status": status,
        "fail_code": shown.failure.code if shown.failure else None,
        "fail_message": redact(shown.failure.message) if shown.failure else None,
        "receipt_url": shown.receipt_url,
        **({"tax_free_amount": free} if isinstance(free, int) else {}),
        **({"requested_at": shown.requested_at} if shown.requested_at else {}),
    }


def shows(shown: wire.CashReceipt, receipt: Receipt) -> bool:
    """Whether what Toss shows is of the kind and amount that was asked for; what it does not say is no objection."""
    return (
        shown.transaction_type in (None, receipt.transaction_type)
        and shown.type in (None, receipt.type)
        and shown.amount in (None, receipt.amount)
    )


def is_the_issue(shown: wire.CashReceipt, receipt: Receipt, order_no: OrderNo) -> bool:
    """Whether a row of Toss's list is an issue of ours whose receiptKey we were never told."""
    own = shown.order_id == order_no_of(receipt.id, order_no)
    return own and shown.transaction_type == TransactionType.CONFIRM and shows(shown, receipt)


def is_a_cancel(shown: wire.CashReceipt, receipt: Receipt, issue: Receipt) -> bool:
    """Whether a row of Toss's list may be a cancel of ours: of that issue, and of that amount.

    A cancel's receiptKey begins with ``c_`` and the issue's (toss/api.md 10); a second one of the same issue cannot
    have the very same, so what follows is open.
    """
    cancels = shown.transaction_type == TransactionType.CANCEL
    return cancels and shown.receipt_key.startswith(f"c_{issue.receipt_key}") and shows(shown, receipt)
