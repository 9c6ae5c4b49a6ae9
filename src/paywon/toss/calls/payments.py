"""Payments: create, confirm, cancel, read, and the virtual account issued by the server."""

from paywon.toss.address import segment
from paywon.toss.errors import Operation
from paywon.toss.outcome import Answer
from paywon.toss.transport import Ask, Transport
from paywon.toss.wire import CancelPayment, ConfirmPayment, CreatePayment, IssueVirtualAccount, Payment


class PaymentCalls(Transport):
    """Calls about a payment (toss/api.md 5 and 6)."""

    async def create_payment(self, body: CreatePayment, *, idempotency_key: str) -> Answer[Payment]:
        """`POST /v1/payments` (toss/api.md 5.1): a READY payment whose `checkout.url` is for the buyer."""
        return await self._post(Operation.CREATE, "/v1/payments", body, idempotency_key=idempotency_key, shape=Payment)

    async def confirm(self, body: ConfirmPayment, *, idempotency_key: str) -> Answer[Payment]:
        """`POST /v1/payments/confirm` (toss/api.md 5.2): takes the money, or opens the virtual account."""
        return await self._post(
            Operation.CONFIRM, "/v1/payments/confirm", body, idempotency_key=idempotency_key, shape=Payment
        )

    async def cancel(self, payment_key: str, body: CancelPayment, *, idempotency_key: str) -> Answer[Payment]:
        """`POST /v1/payments/{paymentKey}/cancel` (toss/api.md 5.4): all of the balance or a part of it."""
        path = f"/v1/payments/{segment(payment_key)}/cancel"
        return await self._post(Operation.CANCEL, path, body, idempotency_key=idempotency_key, shape=Payment)

    async def read_payment(self, payment_key: str) -> Answer[Payment]:
        """`GET /v1/payments/{paymentKey}` (toss/api.md 5.3)."""
        return await self._ask(Ask(Operation.READ, "GET", f"/v1/payments/{segment(payment_key)}"), Payment)

    async def read_payment_by_order(self, order_no: str) -> Answer[Payment]:
        """`GET /v1/payments/orders/{orderId}` (toss/api.md 5.3; which of several attempts is undocumented)."""
        return await self._ask(Ask(Operation.READ, "GET", f"/v1/payments/orders/{segment(order_no)}"), Payment)

    async def issue_virtual_account(self, body: IssueVirtualAccount, *, idempotency_key: str) -> Answer[Payment]:
        """`POST /v1/virtual-accounts` (toss/api.md 6): a payment that waits for its deposit.

        Its `secret` is what DEPOSIT_CALLBACKs will be compared with.
        """
        return await self._post(
            Operation.VIRTUAL_ACCOUNT, "/v1/virtual-accounts", body, idempotency_key=idempotency_key, shape=Payment
        )
