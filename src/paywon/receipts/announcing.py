"""What events say of a cash receipt. Pure."""

from datetime import datetime

from paywon.orders.announcing import order_told
from paywon.orders.model import Order
from paywon.outbox.model import CashReceiptEvent, CashReceiptTold, Event, EventType, new_event
from paywon.receipts.model import IssueStatus, Receipt


def refused(order: Order, before: Receipt, after: Receipt, now: datetime) -> list[Event]:
    """Answer what is told of a receipt that had been taken and is refused."""
    taken = before.issue_status in (IssueStatus.IN_PROGRESS, IssueStatus.COMPLETED)
    if not taken or after.issue_status is not IssueStatus.FAILED:
        return []
    told = CashReceiptTold(
        id=after.id, cancels_id=after.cancels_id, amount=after.amount, status="FAILED", fail_code=after.fail_code
    )
    data = CashReceiptEvent(order=order_told(order), cash_receipt=told)
    return [new_event(EventType.CASH_RECEIPT_REFUSED, order.id, data, now)]
