"""Sealed columns: none is forgotten, and all of them can be sealed anew while somebody uses them."""

import secrets
from datetime import UTC, datetime
from typing import Any

import pytest

from paywon.base.ids import AttemptId, BillingKeyId, EndpointId, new_uuid
from paywon.base.sealing import KeyRing, SealedColumn
from paywon.billing import store as billing
from paywon.billing.model import DIGEST_PURPOSE, SEALED_KEY, BillingKey, KeyStatus
from paywon.db.pool import Database
from paywon.events import store as events
from paywon.events.model import SEALED_SECRET, Endpoint
from paywon.idempotency import store as idempotency
from paywon.idempotency.model import SEALED_BODY, Claim, Reply
from paywon.payments import store as payments
from paywon.payments.commands.recording import question_of, with_question
from paywon.payments.model import Attempt, AttemptType
from paywon.toss.wire import ConfirmPayment
from paywon.vault.commands import PAGE, rotate, take_census
from paywon.vault.model import SEALED_COLUMNS, Rotation

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
OLD, NEW, LOST = (secrets.token_bytes(32) for _ in range(3))
BEFORE, BOTH, AFTER = KeyRing([OLD]), KeyRing([NEW, OLD]), KeyRing([NEW])

# Bytes that hold no secret: digests and hashes of high entropy, and the names of jobs' subjects.
NO_SECRETS = {
    ("billing_keys", "auth_digest"),
    ("api_keys", "digest"),
    ("audit_erasures", "digest_after"),
    ("audit_erasures", "digest_before"),
    ("audit_heads", "hash"),
    ("billing_keys", "key_digest"),
    ("idempotency_keys", "digest"),
    ("payment_transactions", "chain_hash"),
    ("payments", "secret_digest"),
    ("webhook_events", "secret_digest"),
    ("pgqueuer", "payload"),
    ("webhook_events", "digest"),
}


async def test_every_column_of_bytes_is_rotated_or_known_to_hold_no_secret(db: Database) -> None:
    async with db.connection() as conn:
        rows = await conn.fetch(
            """
            SELECT table_name, column_name FROM information_schema.columns
            WHERE table_schema = 'public' AND (data_type = 'bytea' OR column_name LIKE 'sealed%')
            """
        )
    sealed = {(column.table, column.column) for column in SEALED_COLUMNS}
    assert {tuple(row) for row in rows} == sealed | NO_SECRETS


async def test_everything_sealed_is_told_by_its_key_and_sealed_anew(db: Database) -> None:
    key, attempt, claim = await _furnish(db, BEFORE)
    old, new = BOTH.names[1], BOTH.names[0]
    assert {census.column: census.rows for census in await take_census(db)} == {
        column: {old: 1} for column in SEALED_COLUMNS
    }
    assert await rotate(db, BOTH) == Rotation(resealed=5)
    assert {census.column: census.rows for census in await take_census(db)} == {
        column: {new: 1} for column in SEALED_COLUMNS
    }
    # The old key is not needed any more, and only the new one will do.
    for ring, opens in ((AFTER, True), (BEFORE, False)):
        assert await _opens(db, ring, key, attempt, claim) is opens
    assert await rotate(db, BOTH) == Rotation(resealed=0)


async def test_one_that_is_cut_off_is_gone_on_with(db: Database) -> None:
    for _ in range(2 * PAGE + 5):
        await _billing_key(db, BEFORE)

    def cut_off(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await rotate(db, BOTH, on_page=cut_off)
    assert (await _rows_of(db, SEALED_KEY))[BOTH.names[0]] == PAGE
    pages: list[int] = []
    rotation = await rotate(db, BOTH, on_page=lambda _, so_far: pages.append(so_far.resealed))
    assert (rotation.resealed, pages) == (PAGE + 5, [PAGE, PAGE + 5])


async def test_what_no_key_opens_is_counted_and_left_as_it_is(db: Database) -> None:
    await _billing_key(db, KeyRing([LOST]))
    await _billing_key(db, BEFORE)
    rotation = await rotate(db, BOTH)
    assert (rotation.resealed, rotation.shut) == (1, {SEALED_KEY: 1})
    assert await _rows_of(db, SEALED_KEY) == {BOTH.names[0]: 1, KeyRing([LOST]).names[0]: 1}


async def test_a_row_that_somebody_holds_is_met_again_and_nobody_is_kept_waiting(db: Database) -> None:
    key = await _billing_key(db, BEFORE)
    other = await _billing_key(db, BEFORE)
    seen: list[int] = []
    async with db.transaction() as conn:
        await billing.lock(conn, key.id)
        rotating = rotate(db, BOTH, on_page=lambda _, so_far: seen.append(so_far.resealed))
        # It ends although the row is held all the while: it waits for nobody.
        assert (await rotating).resealed == 1
        # Whoever holds a row writes what they were about to, and it is not undone.
        await billing.update(conn, key.id, NOW, status=KeyStatus.DELETED, sealed_key=None)
    assert seen == [1]
    assert (await rotate(db, BOTH)).resealed == 0
    async with db.connection() as conn:
        gone, kept = await billing.by_id(conn, key.id), await billing.by_id(conn, other.id)
    assert gone is not None and gone.sealed_key is None
    assert kept is not None and kept.sealed_key is not None and AFTER.is_current(kept.sealed_key)


async def _furnish(db: Database, ring: KeyRing) -> tuple[BillingKey, Attempt, Claim]:
    """One row in every sealed column."""
    key = await _billing_key(db, ring)
    attempt = Attempt(
        id=AttemptId(new_uuid()), payment_id=None, type=AttemptType.BILLING_KEY_ISSUE, created_at=NOW, resolve_by=NOW
    )
    attempt = with_question(ring, attempt, ConfirmPayment(payment_key="k", order_id="ORD-1", amount=1))
    claim = Claim(holder="key:1", key="a:b", operation="POST /x", digest=b"d", ring=ring)
    claim.subject_id = attempt.id
    async with db.transaction() as conn:
        await payments.open_attempt(conn, attempt)
        await idempotency.insert_once(conn, claim, attempt.id, NOW)
        claim.subject_id = attempt.id
        await idempotency.keep_reply(conn, claim, Reply(status=200, headers={}, body=b"whole"))
        await events.insert_endpoint(conn, _endpoint(ring))
    return key, attempt, claim


def _endpoint(ring: KeyRing) -> Endpoint:
    """One whose secret is being rotated."""
    endpoint_id = EndpointId(new_uuid())
    sealed = ring.seal(b"whsec_", purpose=SEALED_SECRET.purpose(endpoint_id))
    return Endpoint(
        id=endpoint_id,
        url="https://app.example/",
        description=None,
        events=["*"],
        enabled=True,
        subscribed_at=NOW,
        sealed_secret=sealed,
        sealed_previous_secret=sealed,
        previous_secret_until=NOW,
        created_at=NOW,
        updated_at=NOW,
    )


async def _billing_key(db: Database, ring: KeyRing) -> BillingKey:
    key_id, secret = BillingKeyId(new_uuid()), secrets.token_urlsafe(24)
    key = BillingKey(
        id=key_id,
        user_id=None,
        customer_key="customer-1",
        sealed_key=ring.seal(secret.encode(), purpose=SEALED_KEY.purpose(key_id)),
        key_digest=ring.digest(secret, purpose=DIGEST_PURPOSE),
        status=KeyStatus.ACTIVE,
        created_at=NOW,
        updated_at=NOW,
    )
    async with db.connection() as conn:
        await billing.insert(conn, key)
    return key


async def _opens(db: Database, ring: KeyRing, key: BillingKey, attempt: Attempt, claim: Claim) -> bool:
    """Whether a process with this ring can go on with all three; None of them, or all."""
    async with db.connection() as conn:
        kept_key, kept_attempt = await billing.by_id(conn, key.id), await payments.attempt_by_id(conn, attempt.id)
        body = await conn.fetchval(f"SELECT {SEALED_BODY.column} FROM {SEALED_BODY.table}")  # noqa: S608
        assert kept_key is not None and kept_key.sealed_key is not None and kept_attempt is not None
        opened = [kept_key.sealed_key.startswith(ring.head), question_of(ring, kept_attempt) is not None]
        opened.append(body.startswith(ring.head))
        if all(opened):
            secret = ring.open(kept_key.sealed_key, purpose=SEALED_KEY.purpose(key.id)).decode()
            found = await billing.by_digest(conn, ring.digests(secret, purpose=DIGEST_PURPOSE))
            assert found is not None and found.id == key.id
            assert ring.open(body, purpose=claim.purpose) == b"whole"
    assert len(set(opened)) == 1, opened
    return opened[0]


async def _rows_of(db: Database, column: SealedColumn) -> dict[str, int]:
    return next(census.rows for census in await take_census(db) if census.column == column)
