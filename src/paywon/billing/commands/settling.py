"""*Ask* and *learn* of issues and deletions: takes the answer, one of four kinds, into our books."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from paywon.base.ids import BillingKeyId
from paywon.base.redaction import redact_text
from paywon.billing import announcing, store
from paywon.billing.facts import key_columns
from paywon.billing.model import DIGEST_PURPOSE, EXISTS, SEALED_KEY, BillingKey, KeyStatus, KeyView, hint_of
from paywon.db.pool import Connection
from paywon.outbox import store as outbox
from paywon.payments import store as payments
from paywon.payments.commands.cashier import Cashier
from paywon.payments.commands.settling import close, leave_open, leave_unsettled, note_late_answer, refused_for_good
from paywon.payments.model import Attempt, AttemptStatus
from paywon.toss import wire
from paywon.toss.outcome import Answer, Yes
from paywon.toss.wire import IssueBillingKey

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyIntent:
    """A question about a billing key that is on record and may now be asked; ``body`` None asks to delete it."""

    key: BillingKey
    attempt: Attempt
    body: IssueBillingKey | None


async def carry_out(
    cashier: Cashier,
    intended: KeyIntent | BillingKeyId,
    conclude: Callable[[Cashier, BillingKeyId], Awaitable[KeyView]],
) -> KeyView:
    """Ask what was intended about a key, unless it is asked already, and answer what it has come to."""
    key_id = intended.key.id if isinstance(intended, KeyIntent) else intended
    work = ask_and_learn(cashier, intended) if isinstance(intended, KeyIntent) else None
    poll_at = f"/api/payments/toss/billing/{key_id}"
    return await cashier.see_through(work, lambda: conclude(cashier, key_id), poll_at=poll_at)


async def ask_and_learn(cashier: Cashier, intent: KeyIntent) -> None:
    """Ask Toss what the intent says and learn from the answer, whatever it is.

    Raises:
        CannotOpen: the key that is to be deleted was sealed with a key that is not in the ring any more.
    """
    if intent.body is not None:
        idempotency_key = intent.attempt.idempotency_key
        assert idempotency_key is not None, "an issue is asked with its own key"
        issued = await cashier.toss.issue_billing_key(intent.body, idempotency_key=idempotency_key)
        await settle_issue(cashier, intent, issued)
    else:
        deleted = await cashier.toss.delete_billing_key(opened(cashier, intent.key))
        await settle_deletion(cashier, intent, deleted)


def opened(cashier: Cashier, key: BillingKey) -> str:
    """Open the key of a row that holds one.

    Raises:
        CannotOpen: it was sealed with a key that is not in the ring any more.
    """
    assert key.sealed_key is not None, "an active key is there (active_has_its_key)"
    return cashier.ring.open(key.sealed_key, purpose=SEALED_KEY.purpose(key.id)).decode()


async def settle_issue(cashier: Cashier, intent: KeyIntent, answer: Answer[wire.Billing]) -> None:
    """Apply the answer to an issue and close its attempt, in one transaction. Unknown leaves it open."""
    async with cashier.db.transaction(about=intent.key.id) as conn:
        key = await store.lock(conn, intent.key.id)
        attempt = await payments.lock_attempt(conn, intent.attempt.id)
        fits = isinstance(answer, Yes) and answer.value.customer_key in (None, key.customer_key)
        # What Toss issued is kept even where somebody was faster: no call would tell it again.
        holder = await _keep(conn, cashier, key, answer) if isinstance(answer, Yes) and fits else None
        if attempt.status is not AttemptStatus.PENDING:
            await note_late_answer(conn, cashier, attempt, answer.kind, answer.call)
        elif isinstance(answer, Yes) and fits:
            elsewhere = {"code": EXISTS, "message": str(holder)} if holder not in (None, key.id) else {}
            await close(conn, cashier, attempt, AttemptStatus.SUCCESS, outcome="yes", call=answer.call, **elsewhere)
        elif isinstance(answer, Yes):
            await leave_open(conn, cashier, attempt, "CONTRADICTION", call=answer.call, answered=True)
        elif (refused := refused_for_good(attempt, answer)) is not None:
            failed = {"outcome": refused.outcome, "code": refused.code, "message": refused.why}
            await close(conn, cashier, attempt, AttemptStatus.FAILED, call=answer.call, **failed)
            await mark_failed(conn, cashier, key)
        else:
            await leave_unsettled(conn, cashier, attempt, answer)


async def settle_deletion(cashier: Cashier, intent: KeyIntent, answer: Answer[None]) -> None:
    """Apply the answer to a deletion and close its attempt, in one transaction. Unknown leaves it open.

    NOT_FOUND_BILLING leaves the key as it is: it may live under another of our shops (toss/errors.py), and a secret
    key that was mixed up must not wipe what customers have authorised.
    """
    async with cashier.db.transaction(about=intent.key.id) as conn:
        key = await store.lock(conn, intent.key.id)
        attempt = await payments.lock_attempt(conn, intent.attempt.id)
        if isinstance(answer, Yes):
            await mark_deleted(conn, cashier, key, reason="REQUESTED")
        if attempt.status is not AttemptStatus.PENDING:
            await note_late_answer(conn, cashier, attempt, answer.kind, answer.call)
        elif isinstance(answer, Yes):
            await close(conn, cashier, attempt, AttemptStatus.SUCCESS, outcome="yes", call=answer.call)
        elif (refused := refused_for_good(attempt, answer)) is not None:
            failed = {"outcome": refused.outcome, "code": refused.code, "message": refused.why}
            await close(conn, cashier, attempt, AttemptStatus.FAILED, call=answer.call, **failed)
        else:
            await leave_unsettled(conn, cashier, attempt, answer)


async def mark_failed(conn: Connection, cashier: Cashier, key: BillingKey) -> None:
    """Note on a locked row that no key came of its issue."""
    if key.status is KeyStatus.ISSUING:
        await store.update(conn, key.id, cashier.clock.now(), status=KeyStatus.FAILED)


async def mark_deleted(conn: Connection, cashier: Cashier, key: BillingKey, *, reason: str) -> None:
    """Wipe a locked row whose key is gone at Toss; its digest stays, to know the key again. The first reason counts."""
    if key.status is KeyStatus.DELETED:
        return
    now = cashier.clock.now()
    told = redact_text(reason)[:200]
    gone: dict[str, Any] = {"status": KeyStatus.DELETED, "sealed_key": None, "deleted_at": now, "delete_reason": told}
    await store.update(conn, key.id, now, **gone)
    await outbox.append(conn, [announcing.deleted(key, now)], now)


async def _keep(conn: Connection, cashier: Cashier, key: BillingKey, answer: Yes[wire.Billing]) -> BillingKeyId:
    """Seal the key that Toss issued into its row, and answer which row holds it.

    Toss is not known to issue a key twice. If it does, a row that holds the key goes on holding it, for whoever has
    that row's id; a row whose key was deleted gives it up to the new one.
    """
    secret, now = answer.value.billing_key, cashier.clock.now()
    digests = cashier.ring.digests(secret, purpose=DIGEST_PURPOSE)
    await store.hold_digest(conn, digests[0])
    other = await store.by_digest(conn, digests)
    if other is not None and other.id == key.id:
        return key.id
    if other is not None and other.status is not KeyStatus.DELETED:
        _log.warning("Toss issued a billing key that we hold already", billing_key_id=str(other.id))
        await mark_failed(conn, cashier, key)
        return other.id
    if other is not None:
        await store.update(conn, other.id, now, key_digest=None)
    await store.update(
        conn,
        key.id,
        now,
        status=KeyStatus.ACTIVE,
        sealed_key=cashier.ring.seal(secret.encode(), purpose=SEALED_KEY.purpose(key.id)),
        key_digest=digests[0],
        key_hint=hint_of(secret),
        **key_columns(answer.value),
    )
    await outbox.append(conn, [announcing.issued(key, answer.value.authenticated_at, now)], now)
    return key.id
