"""Every kind of answer × issue and deletion × first or repeated ask: what closes, what stays open, and why."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from paywon.base.ids import BillingKeyId, UserId, new_uuid
from paywon.billing import store
from paywon.billing.commands.forgetting import forget_deleted
from paywon.billing.commands.queries import list_keys, view_by_id
from paywon.billing.commands.settling import KeyIntent, opened, settle_deletion, settle_issue
from paywon.billing.model import EXISTS, BillingKey, KeyStatus, KeyView
from paywon.billing.store import PageFilter
from paywon.db.pool import Database
from paywon.payments import store as payments
from paywon.payments.commands.cashier import new_attempt
from paywon.payments.commands.recording import with_question
from paywon.payments.model import Attempt, AttemptStatus, AttemptType
from paywon.toss.errors import Operation, refusal
from paywon.toss.outcome import Answer, Call, No, NotSent, NotSentReason, Unknown, UnknownReason, Yes
from paywon.toss.wire import Billing, IssueBillingKey
from tests.support.billing import SERVER, Counter, counter

FIXTURE = Path(__file__).parents[1] / "fixtures" / "toss" / "billing-card-2022-11-16.json"
RAW: dict[str, Any] = msgspec.json.decode(FIXTURE.read_bytes())
SECRET, CUSTOMER = RAW["billingKey"], RAW["customerKey"]
ISSUE, DELETE = AttemptType.BILLING_KEY_ISSUE, AttemptType.BILLING_KEY_DELETE
NOT_SENT = NotSent(call=Call(method="POST", path="/x"), reason=NotSentReason.REFUSED)


@pytest.fixture
async def desk(db: Database) -> AsyncIterator[Counter]:
    # Nothing is asked here: the answers are values.
    async with counter(db, toss_url="http://127.0.0.1:9", toss_key="test_sk_nobody") as made:
        yield made


def issued(**changes: Any) -> Yes[Billing]:
    raw = {**RAW, **changes}
    call = Call(method="POST", path="/v1/billing/authorizations/issue", http_status=200, response_body=raw)
    return Yes(call=call, value=msgspec.convert(raw, Billing), raw=raw)


def gone() -> Yes[None]:
    return Yes(call=Call(method="DELETE", path="/v1/billing/{billingKey}", http_status=200), value=None, raw={})


def no(code: str, operation: Operation) -> No:
    kind = refusal(operation, code)
    assert kind is not None, "a code of the explicit list"
    call = Call(method="POST", path="/x", http_status=400, response_body={"code": code})
    return No(call=call, refusal=kind, code=code, message="거절", http_status=400)


def unknown(reason: UnknownReason, *, answered: bool = False) -> Unknown:
    return Unknown(call=Call(method="POST", path="/x"), reason=reason, answered=answered)


async def asked(desk: Counter, kind: AttemptType = ISSUE, *, tries: int = 0, of: BillingKey | None = None) -> KeyIntent:
    """Put a question about a key on record; a key to delete has been issued before, unless it is given."""
    if kind is DELETE and of is None:
        of = (await settled(desk, await asked(desk), issued())).key
    now = desk.clock.now()
    key = of or BillingKey(
        id=BillingKeyId(new_uuid()), user_id=None, customer_key=CUSTOMER, created_at=now, updated_at=now
    )
    body = IssueBillingKey(auth_key="auth-1", customer_key=CUSTOMER) if kind is ISSUE else None
    attempt = replace(new_attempt(desk.cashier, kind, None, SERVER), billing_key_id=key.id, retry_count=tries)
    attempt = with_question(desk.cashier.ring, attempt, body) if body else attempt
    async with desk.db.transaction() as conn:
        if of is None:
            await store.insert(conn, key)
        await payments.open_attempt(conn, attempt)
    return KeyIntent(key=key, attempt=attempt, body=body)


async def settled(desk: Counter, intent: KeyIntent, answer: Answer[Any]) -> KeyView:
    settle = settle_issue if intent.body is not None else settle_deletion
    await settle(desk.cashier, intent, answer)
    return await view_by_id(desk.cashier, intent.key.id)


def states(view: KeyView) -> tuple[KeyStatus, AttemptStatus, str | None, str | None]:
    attempt: Attempt | None = view.attempt
    assert attempt is not None
    return view.key.status, attempt.status, attempt.outcome, attempt.error_code


async def test_an_issued_key_is_sealed_and_found_again(desk: Counter) -> None:
    view = await settled(desk, await asked(desk), issued())
    assert states(view) == (KeyStatus.ACTIVE, AttemptStatus.SUCCESS, "yes", None)
    assert (opened(desk.cashier, view.key), view.key.key_hint) == (SECRET, "Z_t5…zk0=")
    assert (await desk.find(SECRET)).key == (await desk.find(view.key.id)).key == view.key
    assert SECRET.encode() not in (view.key.sealed_key or b"")
    (attempt,) = await desk.rows("SELECT request_data, response_data, sealed_request FROM payment_transactions")
    assert attempt["request_data"] == {"authKey": "[redacted]", "customerKey": CUSTOMER}
    assert (attempt["response_data"]["billingKey"], attempt["sealed_request"]) == ("[redacted]", None)


@pytest.mark.parametrize("tries", [0, 3])
@pytest.mark.parametrize("code", ["INVALID_BILLING_AUTH", "INVALID_STOPPED_CARD", "INVALID_REQUEST"])
async def test_a_refused_issue_failed(desk: Counter, code: str, tries: int) -> None:
    view = await settled(desk, await asked(desk, tries=tries), no(code, Operation.BILLING_ISSUE))
    assert states(view) == (KeyStatus.FAILED, AttemptStatus.FAILED, "no", code)
    assert view.failure == (code, "거절")


async def test_an_issue_that_was_not_sent_failed_only_if_it_was_the_first_ask(desk: Counter) -> None:
    view = await settled(desk, await asked(desk), NOT_SENT)
    assert states(view) == (KeyStatus.FAILED, AttemptStatus.FAILED, "not_sent", "NOT_SENT")
    view = await settled(desk, await asked(desk, tries=1), NOT_SENT)
    assert states(view) == (KeyStatus.ISSUING, AttemptStatus.PENDING, "unknown", "NOT_SENT")


async def test_our_wrong_secret_key_says_nothing_of_an_earlier_ask(desk: Counter) -> None:
    view = await settled(desk, await asked(desk, tries=1), no("UNAUTHORIZED_KEY", Operation.BILLING_ISSUE))
    assert states(view) == (KeyStatus.ISSUING, AttemptStatus.PENDING, "unknown", "UNAUTHORIZED_KEY")
    view = await settled(desk, await asked(desk, DELETE, tries=1), no("UNAUTHORIZED_KEY", Operation.BILLING_DELETE))
    assert states(view) == (KeyStatus.ACTIVE, AttemptStatus.PENDING, "unknown", "UNAUTHORIZED_KEY")


@pytest.mark.parametrize("reason", list(UnknownReason))
async def test_unknown_leaves_both_open(desk: Counter, reason: UnknownReason) -> None:
    view = await settled(desk, await asked(desk), unknown(reason))
    assert states(view) == (KeyStatus.ISSUING, AttemptStatus.PENDING, "unknown", str(reason))
    view = await settled(desk, await asked(desk, DELETE), unknown(reason))
    assert states(view) == (KeyStatus.ACTIVE, AttemptStatus.PENDING, "unknown", str(reason))
    assert view.attempt is not None
    assert view.attempt.resolve_by is not None


async def test_a_key_of_another_customer_is_not_taken(desk: Counter) -> None:
    view = await settled(desk, await asked(desk), issued(customerKey="somebody-else"))
    assert states(view) == (KeyStatus.ISSUING, AttemptStatus.PENDING, "unknown", "CONTRADICTION")
    assert view.key.sealed_key is None


async def test_a_late_yes_is_kept_though_somebody_was_faster(desk: Counter) -> None:
    intent = await asked(desk)
    await settled(desk, intent, no("INVALID_BILLING_AUTH", Operation.BILLING_ISSUE))
    late = await settled(desk, intent, issued())
    assert (late.key.status, opened(desk.cashier, late.key)) == (KeyStatus.ACTIVE, SECRET)
    again = await settled(desk, intent, issued())
    assert again.key.status is KeyStatus.ACTIVE
    later = await settled(desk, intent, no("INVALID_BILLING_AUTH", Operation.BILLING_ISSUE))
    assert later.key.status is KeyStatus.ACTIVE


async def test_a_key_that_another_row_holds_stays_there(desk: Counter) -> None:
    first = await settled(desk, await asked(desk), issued())
    second = await settled(desk, await asked(desk), issued())
    assert states(second) == (KeyStatus.FAILED, AttemptStatus.SUCCESS, "yes", EXISTS)
    assert second.failure == (EXISTS, str(first.key.id))
    assert (await desk.find(SECRET)).key.id == first.key.id


async def test_a_key_that_was_deleted_may_be_issued_again(desk: Counter) -> None:
    deletion = await asked(desk, DELETE)
    await settled(desk, deletion, gone())
    view = await settled(desk, await asked(desk), issued())
    assert view.key.status is KeyStatus.ACTIVE
    assert (await desk.find(SECRET)).key.id == view.key.id != deletion.key.id
    assert (await desk.find(deletion.key.id)).key.status is KeyStatus.DELETED


async def test_a_deletion_wipes_the_key_and_is_told_apart_from_a_second_one(desk: Counter) -> None:
    intent = await asked(desk, DELETE)
    view = await settled(desk, intent, gone())
    assert states(view) == (KeyStatus.DELETED, AttemptStatus.SUCCESS, "yes", None)
    assert (view.key.sealed_key, view.key.delete_reason) == (None, "REQUESTED")
    assert view.key.key_digest is not None
    assert (await settled(desk, intent, gone())).key == view.key


async def test_a_key_that_toss_does_not_know_is_not_wiped(desk: Counter) -> None:
    """A secret key of another shop answers this for every key of every customer."""
    view = await settled(desk, await asked(desk, DELETE), no("NOT_FOUND_BILLING", Operation.BILLING_DELETE))
    assert states(view) == (KeyStatus.ACTIVE, AttemptStatus.FAILED, "no", "NOT_FOUND_BILLING")
    assert opened(desk.cashier, view.key) == SECRET


async def test_a_told_deletion_counts_once(desk: Counter) -> None:
    key = (await settled(desk, await asked(desk), issued())).key

    async def told(billing_key: str, reason: str | None) -> bool:
        async with desk.db.transaction() as conn:
            return await forget_deleted(conn, desk.cashier, billing_key, reason=reason)

    assert not await told("not-ours", "삭제 API 요청")
    assert (await desk.find(key.id)).key == key
    assert await told(SECRET, "고객 요청 4242424242424242")
    first = (await desk.find(key.id)).key
    assert (first.status, first.sealed_key) == (KeyStatus.DELETED, None)
    assert first.delete_reason == "고객 요청 [redacted]"
    assert await told(SECRET, None)
    assert (await desk.find(key.id)).key == first


async def test_a_told_deletion_without_a_reason_and_with_a_long_one(desk: Counter) -> None:
    for reason, kept in ((None, "BILLING_DELETED"), ("x" * 1000, "x" * 200)):
        key = (await settled(desk, await asked(desk), issued())).key
        async with desk.db.transaction() as conn:
            await forget_deleted(conn, desk.cashier, SECRET, reason=reason)
        assert (await desk.find(key.id)).key.delete_reason == kept


async def test_keys_are_listed_newest_first_and_paged(desk: Counter) -> None:
    made = [(await settled(desk, await asked(desk), issued(billingKey=f"key-{n}-{'x' * 20}"))).key for n in range(5)]
    wanted = PageFilter(customer_key=CUSTOMER, user_id=None, after=None, limit=2)
    seen: list[BillingKeyId] = []
    while page := await list_keys(desk.cashier, wanted):
        seen += [view.key.id for view in page]
        wanted = replace(wanted, after=(page[-1].key.created_at, page[-1].key.id))
        assert all(view.attempt is not None and view.attempt.billing_key_id == view.key.id for view in page)
    assert seen == [key.id for key in reversed(made)]
    for other in (replace(wanted, after=None, customer_key="c-2"), replace(wanted, after=None, user_id=UserId("u"))):
        assert await list_keys(desk.cashier, other) == []


async def test_a_key_is_told_of_without_the_key(desk: Counter) -> None:
    intent = await asked(desk)
    view = await settled(desk, intent, issued())
    await settled(desk, intent, issued())  # the same answer, late
    await settled(desk, await asked(desk, DELETE, of=view.key), gone())
    rows = await desk.rows("SELECT type, stream, data::text AS data FROM events ORDER BY seq")
    assert [row["type"] for row in rows] == ["billing_key.issued", "billing_key.deleted"]
    assert {row["stream"] for row in rows} == {view.key.id}
    assert not [row for row in rows if SECRET in row["data"] or CUSTOMER in row["data"]]
