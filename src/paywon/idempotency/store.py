"""All SQL of idempotency keys."""

from datetime import datetime
from uuid import UUID

from paywon.db.pool import Connection
from paywon.idempotency.model import Claim, KeptClaim, Reply


async def insert_once(conn: Connection, claim: Claim, subject_id: UUID, now: datetime) -> bool:
    """Write a claim unless its key is taken; wait for whoever is just taking it. Answer whether it is ours."""
    done = await conn.execute(
        """
        INSERT INTO idempotency_keys (holder, key, operation, digest, subject_id, created_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
        """,
        claim.holder,
        claim.key,
        claim.operation,
        claim.digest,
        subject_id,
        now,
    )
    return bool(done == "INSERT 0 1")


async def find(conn: Connection, claim: Claim) -> KeptClaim | None:
    row = await conn.fetchrow(
        """
        SELECT operation, digest, subject_id, created_at, status, headers, sealed_body
        FROM idempotency_keys WHERE holder = $1 AND key = $2
        """,
        claim.holder,
        claim.key,
    )
    if row is None:
        return None
    reply = None
    if row["status"] is not None:
        reply = Reply(
            status=row["status"],
            headers=row["headers"],
            body=claim.ring.open(row["sealed_body"], purpose=claim.purpose),
        )
    return KeptClaim(
        operation=row["operation"],
        digest=row["digest"],
        subject_id=row["subject_id"],
        reply=reply,
        created_at=row["created_at"],
    )


async def keep_reply(conn: Connection, claim: Claim, reply: Reply) -> None:
    """Keep the first reply of a key; a later one does not replace it."""
    await conn.execute(
        """
        UPDATE idempotency_keys SET status = $3, headers = $4, sealed_body = $5
        WHERE holder = $1 AND key = $2 AND subject_id = $6 AND status IS NULL
        """,
        claim.holder,
        claim.key,
        reply.status,
        reply.headers,
        claim.ring.seal(reply.body, purpose=claim.purpose),
        claim.subject_id,
    )


async def delete(conn: Connection, claim: Claim) -> None:
    """Delete a claim that has no reply; not the next one, which another request may have made meanwhile."""
    await conn.execute(
        "DELETE FROM idempotency_keys WHERE holder = $1 AND key = $2 AND subject_id = $3 AND status IS NULL",
        claim.holder,
        claim.key,
        claim.subject_id,
    )


async def forget_before(conn: Connection, moment: datetime, *, limit: int) -> int:
    """Delete some of the claims from before ``moment``, the oldest first; answer how many."""
    done = await conn.execute(
        """
        DELETE FROM idempotency_keys WHERE (holder, key) IN (
            SELECT holder, key FROM idempotency_keys WHERE created_at < $1
            ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
        """,
        moment,
        limit,
    )
    return int(done.removeprefix("DELETE "))
