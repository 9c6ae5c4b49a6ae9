"""Billing keys: issue, charge, delete. The key alone lets its holder charge the card, so no `Call` shows it."""

from dataclasses import replace
from types import NoneType

from paywon.toss.address import checked_idempotency_key, segment
from paywon.toss.errors import Operation
from paywon.toss.outcome import Answer, No, Yes
from paywon.toss.transport import Ask, Transport
from paywon.toss.wire import Billing, ChargeBillingKey, IssueBillingKey, Payment

_GONE = "ALREADY_REMOVED_BILLING_KEY"


class BillingCalls(Transport):
    """Calls about billing keys (toss/api.md 7). Toss has none that lists or reads them."""

    async def issue_billing_key(self, body: IssueBillingKey, *, idempotency_key: str) -> Answer[Billing]:
        """`POST /v1/billing/authorizations/issue`: a billing key for the authKey of the buyer's redirect.

        The authKey works once, and no call reads a billing key again: after an unknown answer only the same
        idempotency key can still bring it.
        """
        path = "/v1/billing/authorizations/issue"
        return await self._post(Operation.BILLING_ISSUE, path, body, idempotency_key=idempotency_key, shape=Billing)

    async def charge_billing_key(
        self, billing_key: str, body: ChargeBillingKey, *, idempotency_key: str, read_timeout_s: float | None = None
    ) -> Answer[Payment]:
        """`POST /v1/billing/{billingKey}`: takes the money at once. No webhook tells of a success.

        Toss may need 60 s: `read_timeout_s` is at least that unless given.
        """
        key = checked_idempotency_key(idempotency_key)
        ask = replace(
            _about(billing_key, Operation.BILLING_CHARGE, "POST"),
            body=body,
            idempotency_key=key,
            read_timeout_s=self._patient(read_timeout_s),
        )
        return await self._ask(ask, Payment)

    async def delete_billing_key(self, billing_key: str) -> Answer[None]:
        """`DELETE /v1/billing/{billingKey}`: *yes* once the key is gone, by this call or an earlier one.

        aiohttp repeats a DELETE once when the connection that it was written to dies unanswered. That is harmless
        here: the second names the same key, so it can only delete what the first was to delete, and what it is
        told if the first got through (ALREADY_REMOVED_BILLING_KEY) counts as *yes*. As a key that is gone does
        not come back (*inferred*: a new authorisation makes a new key), an unknown answer may be asked again.
        """
        answer = await self._ask(_about(billing_key, Operation.BILLING_DELETE, "DELETE"), NoneType)
        if isinstance(answer, No) and answer.code == _GONE:
            return Yes(call=answer.call, value=None, raw=answer.call.response_body or {})
        return answer


def _about(billing_key: str, operation: Operation, method: str) -> Ask:
    return Ask(
        operation,
        method,
        f"/v1/billing/{segment(billing_key)}",
        secret=billing_key,
        shown_path="/v1/billing/{billingKey}",
    )
