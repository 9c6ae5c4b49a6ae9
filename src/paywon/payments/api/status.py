"""``/payments/{paymentId}/status``: seed 1's status, asked of Toss at most once a minute."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, get
from litestar.params import Dependency

from paywon.base.ids import PaymentId
from paywon.payments.api.common import Asker, shown
from paywon.payments.api.seed1 import PaymentOut, seed1_view
from paywon.payments.commands import checking
from paywon.payments.commands.checking import Checker
from paywon.web.auth import needs
from paywon.web.cache import freshness
from paywon.web.openapi import reading
from paywon.web.query import exact_query
from paywon.web.shapes import Output

Statuses = Annotated[Checker, Dependency(skip_validation=True)]


class StatusOut(Output, frozen=True, kw_only=True):
    """``status`` in seed 1's words, ``tossStatus`` in Toss's.

    ``live`` is true when Toss has shown this payment within the last minute; ``checkedAt`` is when it last did.
    """

    payment: PaymentOut
    status: str
    toss_status: str
    live: bool
    checked_at: datetime | None


class PaymentStatusController(Controller):
    path = "/payments"
    tags = ("payments (seed 1)",)
    guards = (exact_query,)

    @get(
        "/{payment_id:uuid}/status",
        guards=[needs("payments:read")],
        summary="Read a payment's status, fresh from Toss",
        responses=reading(404),
    )
    async def status(self, payment_id: UUID, statuses: Statuses, origin: Asker) -> Response[StatusOut]:
        """200 also when Toss cannot be heard: then ``live`` is false and this is what was known before."""
        found = await checking.check_status(statuses, PaymentId(payment_id), origin)
        payment = seed1_view(found.view)
        body = StatusOut(
            payment=payment,
            status=payment.status,
            toss_status=found.view.payment.status,
            live=found.live,
            checked_at=found.checked_at,
        )
        answer = shown(found.view, body)
        answer.headers.update(freshness(found.state, found.checked_at, now=statuses.cashier.clock.now()))
        return answer
