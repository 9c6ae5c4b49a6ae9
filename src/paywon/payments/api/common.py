"""What both families of doors share."""

from typing import Annotated, Any, TypeVar

from litestar import Request, Response
from litestar.params import Dependency
from litestar.status_codes import HTTP_202_ACCEPTED

from paywon.base.redaction import redact_text
from paywon.idempotency.model import Claim
from paywon.payments.commands.cashier import Cashier, Origin
from paywon.payments.commands.queries import PaymentView
from paywon.toss.wire import RefundReceiveAccount
from paywon.web.address import client_address
from paywon.web.auth import Principal
from paywon.web.shapes import Digits20, Input, Text20, Text60

Till = Annotated[Cashier, Dependency(skip_validation=True)]
Key = Annotated[Claim | None, Dependency(skip_validation=True)]
Asker = Annotated[Origin, Dependency(skip_validation=True)]
T = TypeVar("T")

# Long enough for most questions to Toss to be settled when the caller looks again.
POLL_AFTER_S = 2


def provide_origin(request: Request[Principal, None, Any], claim: Key) -> Origin:
    """Say who asks and from where, for the audit trail."""
    agent = request.headers.get("user-agent")
    return Origin(
        actor=request.user.actor,
        owner=request.user.owner,
        ip_address=client_address(request),
        user_agent=redact_text(agent[:300]) if agent else None,
        claim=claim,
    )


def answered(view: PaymentView, body: T, *, status_code: int, poll_at: str) -> Response[T]:
    """Answer a command's result; 202 with a place to poll while Toss has not settled it (ADR 0013)."""
    if not view.in_doubt:
        return Response(body, status_code=status_code)
    headers = {"Retry-After": str(POLL_AFTER_S), "Location": poll_at}
    return Response(body, status_code=HTTP_202_ACCEPTED, headers=headers)


def shown(view: PaymentView, body: T) -> Response[T]:
    """Answer what is known; where a question to Toss is open, with the time after which to look again."""
    return Response(body, headers={"Retry-After": str(POLL_AFTER_S)} if view.in_doubt else None)


class RefundAccountIn(Input, frozen=True, kw_only=True):
    """Where a virtual account's refund goes (toss/api.md 5.4); the bank by code, Korean or English name."""

    bank: Text20
    account_number: Digits20
    holder_name: Text60

    def for_toss(self) -> RefundReceiveAccount:
        return RefundReceiveAccount(bank=self.bank, account_number=self.account_number, holder_name=self.holder_name)


__all__ = ["Asker", "RefundAccountIn", "Till", "answered", "provide_origin", "shown"]
