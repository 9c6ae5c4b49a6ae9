"""Issues a billing key for what the customer authorised in Toss's window."""

from dataclasses import dataclass, field, replace

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, BillingKeyId, UserId, new_uuid
from paywon.billing import store
from paywon.billing.commands.queries import view, view_by_id
from paywon.billing.commands.settling import KeyIntent, carry_out, opened
from paywon.billing.model import AUTH_PURPOSE, EXISTS, BillingKey, KeyStatus, KeyView
from paywon.db.pool import Connection
from paywon.payments import store as payments
from paywon.payments.commands.cashier import Cashier, Origin, begun_before, new_attempt
from paywon.payments.commands.recording import with_question
from paywon.payments.commands.settling import error_of, uses_up_token
from paywon.payments.model import AttemptType
from paywon.toss.wire import IssueBillingKey


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueWish:
    """What the window's redirect carried. ``user_id``: the app's user that the key is for, if it has one."""

    auth_key: str = field(repr=False)
    customer_key: str
    user_id: UserId | None


async def issue_key(cashier: Cashier, wish: IssueWish, origin: Origin) -> KeyView:
    """Have Toss issue a billing key, and answer it in full; while nobody knows, without it.

    The same authKey and customerKey again answer the same key.

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
    digests = cashier.ring.digests(f"{wish.customer_key} {wish.auth_key}", purpose=AUTH_PURPOSE)
    if (asked := await _asked_before(conn, digests, origin)) is not None:
        return asked.id
    key = BillingKey(
        id=BillingKeyId(new_uuid()),
        user_id=wish.user_id or origin.owner,
        customer_key=wish.customer_key,
        auth_digest=digests[0],
        created_at=now,
        updated_at=now,
    )
    body = IssueBillingKey(auth_key=wish.auth_key, customer_key=wish.customer_key)
    attempt = new_attempt(cashier, AttemptType.BILLING_KEY_ISSUE, None, origin, attempt_id=attempt_id)
    attempt = with_question(cashier.ring, replace(attempt, billing_key_id=key.id), body)
    await store.insert(conn, key)
    await payments.open_attempt(conn, attempt)
    return KeyIntent(key=key, attempt=attempt, body=body)


async def _asked_before(conn: Connection, digests: list[bytes], origin: Origin) -> BillingKey | None:
    """Find the key that the same authKey was sent for: it serves once, so whoever sends it again asks the same.

    Raises:
        PaywonError: BILLING_KEY_NOT_FOUND, it was somebody else's.
    """
    await store.hold_digest(conn, digests[0])
    key = await store.by_auth(conn, digests)
    if key is None:
        return None
    if origin.owner not in (None, key.user_id):
        raise PaywonError("BILLING_KEY_NOT_FOUND")
    attempt = (await view(conn, key)).attempt
    if key.status is KeyStatus.FAILED and (attempt is None or not uses_up_token(attempt)):
        # Toss never looked at the authKey, so it still serves.
        await store.update(conn, key.id, key.updated_at, auth_digest=None)
        return None
    return key


async def _conclude(cashier: Cashier, key_id: BillingKeyId) -> KeyView:
    """Answer what an issue has come to; its newest attempt speaks for it."""
    shown = await view_by_id(cashier, key_id)
    if shown.key.status is KeyStatus.FAILED:
        assert shown.attempt is not None, "a key that failed was asked for"
        if shown.attempt.error_code == EXISTS:
            raise PaywonError(EXISTS, extra={"billingKeyId": shown.attempt.error_message})
        raise error_of(shown.attempt)
    if shown.key.status is KeyStatus.DELETED:
        raise PaywonError("BILLING_KEY_DELETED")
    secret = opened(cashier, shown.key) if shown.key.status is KeyStatus.ACTIVE else None
    return replace(shown, secret=secret)
