"""Cash receipts (현금영수증): issue, cancel, list."""

from datetime import date

from paywon.toss.address import query, segment, within
from paywon.toss.errors import Operation
from paywon.toss.outcome import Answer
from paywon.toss.transport import Ask, Transport
from paywon.toss.wire import CancelCashReceipt, CashReceipt, CashReceiptPage, IssueCashReceipt, korean_day

MAX_CASH_RECEIPTS = 10_000
"""toss/api.md 1.6."""


class CashReceiptCalls(Transport):
    """Calls about cash receipts (toss/api.md 10): the tax office decides 1–2 days after issue or cancel."""

    async def issue_cash_receipt(self, body: IssueCashReceipt, *, idempotency_key: str) -> Answer[CashReceipt]:
        """`POST /v1/cash-receipts`: IN_PROGRESS until the tax office has answered."""
        return await self._post(
            Operation.CASH_RECEIPT, "/v1/cash-receipts", body, idempotency_key=idempotency_key, shape=CashReceipt
        )

    async def cancel_cash_receipt(
        self, receipt_key: str, body: CancelCashReceipt, *, idempotency_key: str
    ) -> Answer[CashReceipt]:
        """`POST /v1/cash-receipts/{receiptKey}/cancel`: a receipt of its own, whose key is `c_` and the old one."""
        path = f"/v1/cash-receipts/{segment(receipt_key)}/cancel"
        return await self._post(
            Operation.CASH_RECEIPT_CANCEL, path, body, idempotency_key=idempotency_key, shape=CashReceipt
        )

    async def list_cash_receipts(
        self, request_date: date, *, cursor: int | None = None, limit: int | None = None
    ) -> Answer[CashReceiptPage]:
        """`GET /v1/cash-receipts`: those of one Korean day, 100 to a page unless `limit` says otherwise.

        Needs a key of version 2022-07-27 or later (toss/api.md 1.7).
        """
        members = {
            "requestDate": korean_day(request_date),
            "cursor": cursor,
            "limit": within(limit, name="limit", most=MAX_CASH_RECEIPTS),
        }
        return await self._ask(
            Ask(Operation.CASH_RECEIPTS, "GET", "/v1/cash-receipts", query=query(members)), CashReceiptPage
        )
