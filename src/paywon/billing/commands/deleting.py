"""Deletes a billing key at Toss: nothing can be charged to it any more."""

from dataclasses import replace

from paywon.base.ids import AttemptId, BillingKeyId, new_uuid
from paywon.billing import store
from paywon.billing.commands.queries import named, view, view_by_id
from paywon.billing.commands.settling import KeyIntent, carry_out
from paywon.billing.model import KeyStatus, KeyView, check_issued
from paywon.db.pool import Connection
from paywon.payments import store as payments
from paywon.payments.commands.cashier import Cashier, Origin, begun_before, new_attempt
from paywon.payments.commands.settling import error_of
from paywon.payments.model import AttemptStatus, AttemptType


async def delete_key(cashier: Cashier, name: str, origin: Origin) -> KeyView:
    """Have Toss delete a billing key, by our id or by the key itself; one that is gone is answered as it is.

    A charge that is being asked goes on with its own sealed copy of the key: Toss decides which came first.

    Raises:
        PaywonError: BILLING_KEY_NOT_FOUND, BILLING_KEY_NOT_READY, or Toss refused.
    """
    async with cashier.db.transaction() as conn:
        intent = await _intend(conn, cashier, name, origin)
    return await carry_out(cashier, intent, _conclude)


async def _intend(conn: Connection, cashier: Cashier, name: str, origin: Origin) -> KeyIntent | BillingKeyId:
    attempt_id = AttemptId(new_uuid())
    if (begun := await begun_before(conn, cashier, origin, attempt_id)) is not None:
        assert begun.billing_key_id is not None, "the key's operation was this one"
        return begun.billing_key_id
    found = await named(conn, cashier.ring, name, origin)
    key = await store.lock(conn, found.id)
    check_issued(key)
    if key.status is KeyStatus.DELETED or (await view(conn, key)).open_request is AttemptType.BILLING_KEY_DELETE:
        return key.id
    attempt = replace(
        new_attempt(cashier, AttemptType.BILLING_KEY_DELETE, None, origin, attempt_id=attempt_id),
        # Its idempotency key only says that it is asked: Toss takes one with POST alone (toss/api.md 1.2).
        billing_key_id=key.id,
        request_data={"billingKeyHint": key.key_hint},
    )
    await payments.open_attempt(conn, attempt)
    return KeyIntent(key=key, attempt=attempt, body=None)


async def _conclude(cashier: Cashier, key_id: BillingKeyId) -> KeyView:
    shown = await view_by_id(cashier, key_id)
    refused = shown.attempt is not None and shown.attempt.status is AttemptStatus.FAILED
    if shown.attempt is not None and refused and shown.key.status is not KeyStatus.DELETED:
        raise error_of(shown.attempt)
    return shown
