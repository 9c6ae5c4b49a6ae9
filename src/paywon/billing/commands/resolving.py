"""The resolver of this room: finishes issues and deletions whose answer, or whose process, was lost."""

import msgspec
import structlog

from paywon.billing import store
from paywon.billing.commands.settling import KeyIntent, ask_and_learn, mark_failed
from paywon.billing.model import ABOUT_KEYS, BillingKey, KeyStatus, issue_step
from paywon.db.pool import Connection
from paywon.payments import store as payments
from paywon.payments.commands.cashier import Cashier
from paywon.payments.commands.recording import question_of, with_question
from paywon.payments.commands.resolving import succeed_attempt, take_up_due
from paywon.payments.commands.settling import close, leave_open
from paywon.payments.model import Attempt, AttemptStatus, AttemptType
from paywon.payments.recovery import Step
from paywon.toss.wire import IssueBillingKey

_log = structlog.get_logger()


async def resolve_due(cashier: Cashier) -> int:
    """Take up the open issues and deletions whose time has come, and do the next step for each; answer how many."""
    return await take_up_due(cashier, ABOUT_KEYS, _resolve)


async def _resolve(cashier: Cashier, claimed: Attempt) -> None:
    assert claimed.billing_key_id is not None, "an attempt of this kind is about a key"
    async with cashier.db.transaction() as conn:
        key = await store.lock(conn, claimed.billing_key_id)
        attempt = await payments.lock_attempt(conn, claimed.id)
        if attempt.status is not AttemptStatus.PENDING:
            return  # its own process came back and closed it
        if attempt.type is AttemptType.BILLING_KEY_ISSUE:
            intent = await _next_issue(conn, cashier, key, attempt)
        else:
            intent = await _next_deletion(conn, cashier, key, attempt)
    if intent is not None:
        await ask_and_learn(cashier, intent)


async def _next_issue(conn: Connection, cashier: Cashier, key: BillingKey, attempt: Attempt) -> KeyIntent | None:
    """Close, put off or replace an issue; answer what may now be asked. Why stands at ``issue_step``."""
    step = issue_step(attempt, cashier.clock.now())
    whole = question_of(cashier.ring, attempt)
    if whole is None and step in (Step.ASK_AGAIN, Step.ASK_ANEW):
        _log.error("an issue's question cannot be opened; is a key missing in PAYWON_SECRET_KEYS?", id=str(attempt.id))
        step = Step.WAIT
    _log.info("resolving", attempt=str(attempt.id), type=attempt.type, step=step.value)
    if step is Step.FAILED:
        code, said = attempt.error_code, attempt.error_message
        await close(conn, cashier, attempt, AttemptStatus.FAILED, outcome="no", code=code, message=said)
        await mark_failed(conn, cashier, key)
        return None
    if whole is None or step is Step.WAIT:
        await leave_open(conn, cashier, attempt, attempt.error_code or "NO_ANSWER")
        return None
    body = msgspec.convert(whole["body"], IssueBillingKey)
    if step is Step.ASK_ANEW:
        attempt = with_question(cashier.ring, await succeed_attempt(conn, cashier, attempt), body)
        await payments.open_attempt(conn, attempt)
    return KeyIntent(key=key, attempt=attempt, body=body)


async def _next_deletion(conn: Connection, cashier: Cashier, key: BillingKey, attempt: Attempt) -> KeyIntent | None:
    """Ask again, as a key that is gone stays gone; or close, where a BILLING_DELETED has told it meanwhile."""
    if key.status is KeyStatus.DELETED:
        await close(conn, cashier, attempt, AttemptStatus.SUCCESS, outcome="yes")
        return None
    return KeyIntent(key=key, attempt=attempt, body=None)
