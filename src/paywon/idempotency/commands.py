"""Taking a key, and keeping what was answered under it."""

from datetime import datetime
from uuid import UUID

from paywon.base.clock import Clock
from paywon.base.errors import PaywonError
from paywon.db.pool import Connection, Database
from paywon.idempotency import store
from paywon.idempotency.model import (
    FORGOTTEN_AT_ONCE,
    KEPT_FOR,
    ROUNDS,
    RUNNING_FOR,
    Claim,
    KeptClaim,
    Reply,
    ReplyAgain,
)


async def take(conn: Connection, claim: Claim | None, subject_id: UUID, now: datetime) -> UUID | None:
    """Take a request's key within the transaction of its intent, before anything else is done in it.

    Answers None when the key is new, or when there is none: go on and make ``subject_id``. Answers the id of what
    the first request made when that one died before it could answer: go on with that instead.

    Raises:
        ReplyAgain: the first request has been answered, with this.
        PaywonError: IDEMPOTENCY_KEY_REUSED for another request, IDEMPOTENCY_KEY_RUNNING while the first one runs.
    """
    if claim is None:
        return None
    while not await store.insert_once(conn, claim, subject_id, now):
        kept = await store.find(conn, claim)
        if kept is not None:
            return _go_on(claim, kept, now)
        # It was given back between the two statements.
    claim.subject_id = subject_id
    return None


def _go_on(claim: Claim, kept: KeptClaim, now: datetime) -> UUID:
    if (kept.operation, kept.digest) != (claim.operation, claim.digest):
        raise PaywonError("IDEMPOTENCY_KEY_REUSED", field="Idempotency-Key")
    if kept.reply is not None:
        raise ReplyAgain(kept.reply)
    if now - kept.created_at < RUNNING_FOR:
        raise PaywonError("IDEMPOTENCY_KEY_RUNNING", field="Idempotency-Key", retry_after_s=2)
    claim.subject_id = kept.subject_id
    return kept.subject_id


async def keep_reply(db: Database, claim: Claim, reply: Reply) -> None:
    """Keep the reply to a key's first request."""
    async with db.connection() as conn:
        await store.keep_reply(conn, claim, reply)


async def give_back(db: Database, claim: Claim) -> None:
    """Free a key whose request certainly did nothing: the same request may be made again under it."""
    async with db.connection() as conn:
        await store.delete(conn, claim)


async def forget_old_keys(db: Database, clock: Clock, *, limit: int = FORGOTTEN_AT_ONCE, rounds: int = ROUNDS) -> int:
    """Delete the keys that are older than they are promised to be known; answer how many.

    Each round is a short statement of its own, and what is left waits for the next run: however many have gathered
    while no worker ran, none of it takes long.
    """
    until, forgotten = clock.now() - KEPT_FOR, 0
    for _ in range(rounds):
        async with db.connection() as conn:
            found = await store.forget_before(conn, until, limit=limit)
        forgotten += found
        if found < limit:
            break
    return forgotten
