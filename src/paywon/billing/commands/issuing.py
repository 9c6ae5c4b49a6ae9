"""Issues a billing key for what the customer authorised in Toss's window."""

from dataclasses import dataclass, field, replace

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, BillingKeyId, UserId, new_uuid
from paywon.billing import store
from paywon.billing.commands.queries import view_by_id
from paywon.billing.commands.settling import KeyIntent, carry_out, opened
from paywon.billing.model import EXISTS, BillingKey, KeyStatus, KeyView
from paywon.db.pool import Connection
from paywon.payments import store as payments
from paywon.payments.commands.cashier import Cashier, Origin, begun_before, new_attempt
from paywon.payments.commands.recording import with_question
from paywon.payments.commands.settling import error_of
from paywon.payments.model import AttemptType
from paywon.toss.wire import IssueBillingKey


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueWish:
    """What the window's redirect carried. ``user_id``: the app's user that the key is for, if it has one."""

    auth_key: str = field(repr=False)
    customer_key: str
    user_id: UserId | None


async def issue_key(cashier: Cashier, wish: IssueWish, origin: Origin) -> KeyView:
    """Have Toss issue a billing key, and answer it in full, this once; while nobody knows, without it.

    Raises:
        PaywonError: NOT_YOURS, or Toss refused; BILLING_KEY_EXISTS, it issued one that we hold already.
    """
    if origin.owner is not None and wish.user_id not in (None, origin.owner):
        raise PaywonError("NOT_YOURS", field="userId")
    async with cashier.db.transaction() as conn:
        intent = await _intend(conn, cashier, wish, origin)
    return await carry_out(cashier, intent, _conclude)


async def _intend(conn: Connection, cashier: Cashier, wish: IssueWish, origin: Origin) -> KeyIntent | BillingKeyId:
    attempt_id, now = AttemptId(new_uuid()), cashier.clock.now()
    if (begun := await begun_before(conn, cashier, origin, attempt_id)) is not None:
        assert begun.billing_key_id is not None, "the key's operation was this one"
        return begun.billing_key_id
    key = BillingKey(
        id=BillingKeyId(new_uuid()),
        user_id=wish.user_id or origin.owner,
        customer_key=wish.customer_key,
        created_at=now,
        updated_at=now,
    )
    body = IssueBillingKey(auth_key=wish.auth_key, customer_key=wish.customer_key)
    attempt = new_attempt(cashier, AttemptType.BILLING_KEY_ISSUE, None, origin, attempt_id=attempt_id)
    attempt = with_question(cashier.ring, replace(attempt, billing_key_id=key.id), body)
    await store.insert(conn, key)
    await payments.open_attempt(conn, attempt)
    return KeyIntent(key=key, attempt=attempt, body=body)


async def _conclude(cashier: Cashier, key_id: BillingKeyId) -> KeyView:
    """Answer what an issue has come to; its newest attempt speaks for it."""
    shown = await view_by_id(cashier, key_id)
    if shown.key.status is KeyStatus.FAILED:
        assert shown.attempt is not None, "a key that failed was asked for"
        if shown.attempt.error_code == EXISTS:
            raise PaywonError(EXISTS, extra={"billingKeyId": shown.attempt.error_message})
        raise error_of(shown.attempt)
    secret = opened(cashier, shown.key) if shown.key.status is KeyStatus.ACTIVE else None
    return replace(shown, secret=secret)
