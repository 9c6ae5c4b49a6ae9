"""The commands of billing keys and their resolver, over the sandbox: lost replies, refusals, owners, repeats."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from paywon.base.errors import PaywonError
from paywon.base.ids import UserId, new_uuid
from paywon.base.money import Krw
from paywon.billing.commands.forgetting import forget_deleted
from paywon.billing.model import KeyStatus
from paywon.db.pool import Database
from paywon.idempotency.model import Claim, ReplyAgain
from paywon.payments.commands.cashier import Origin
from tests.conftest import Sandbox
from tests.support.billing import ISSUE_PATH, SERVER, Counter, counter


@pytest.fixture
async def desk(db: Database, sandbox: Sandbox) -> AsyncIterator[Counter]:
    async with counter(db, toss_url=sandbox.url, toss_key=f"test_sk_{secrets.token_hex(12)}") as made:
        yield made


def refused(code: str) -> Any:
    """Expect a PaywonError of this code."""
    return pytest.raises(PaywonError, match=f"^{code}$")


def with_key(desk: Counter, key: str, operation: str = "POST /x") -> Origin:
    """Ask with an Idempotency-Key, as the doors do."""
    claim = Claim(holder="h", key=key, operation=operation, digest=bytes(32), ring=desk.cashier.ring)
    return replace(SERVER, claim=claim)


# --- Issue -------------------------------------------------------------------------------------------


async def test_the_key_is_shown_in_full_once(desk: Counter) -> None:
    view = await desk.issue(user="user-7")
    assert view.secret is not None
    assert (view.key.status, view.key.user_id, view.key.method) == (KeyStatus.ACTIVE, "user-7", "카드")
    for name in (view.key.id, view.secret):
        assert (await desk.find(name)).secret is None


async def test_a_lost_reply_to_an_issue_is_brought_by_the_same_key(desk: Counter) -> None:
    await desk.fault("drop_reply", ISSUE_PATH)
    view = await desk.issue()
    assert (view.key.status, view.open_request, view.secret) == (KeyStatus.ISSUING, "billing_key_issue", None)
    assert await desk.resolve() == 1
    assert (await desk.find(view.key.id)).key.status is KeyStatus.ACTIVE
    first, second = await desk.asked("POST", ISSUE_PATH)
    assert (first["idempotencyKey"], second["replayed"]) == (second["idempotencyKey"], True)
    assert await desk.resolve() == 0


async def test_an_issue_that_never_reached_toss_is_asked_again(desk: Counter) -> None:
    await desk.fault("refuse", ISSUE_PATH, times=3)
    view = await desk.issue()
    for _ in range(2):
        await desk.resolve()
        assert (await desk.find(view.key.id)).key.status is KeyStatus.ISSUING
    await desk.resolve()
    assert (await desk.find(view.key.id)).key.status is KeyStatus.ACTIVE


async def test_a_failure_that_may_pass_is_asked_once_more_with_a_new_key(desk: Counter) -> None:
    await desk.fault("status", ISSUE_PATH, code="COMMON_ERROR", status=500)
    view = await desk.issue()
    assert view.key.status is KeyStatus.ISSUING
    await desk.resolve()
    assert (await desk.find(view.key.id)).key.status is KeyStatus.ACTIVE
    assert await desk.attempts(view.key.id) == [
        ("billing_key_issue", "failed", "no", "COMMON_ERROR"),
        ("billing_key_issue", "success", "yes", None),
    ]
    first, second = await desk.asked("POST", ISSUE_PATH)
    assert first["idempotencyKey"] != second["idempotencyKey"]


async def test_after_two_such_failures_the_issue_has_failed_by_toss_own_word(desk: Counter) -> None:
    await desk.fault("status", ISSUE_PATH, code="COMMON_ERROR", status=500, times=2)
    view = await desk.issue()
    await desk.resolve()
    assert (await desk.find(view.key.id)).key.status is KeyStatus.ISSUING
    await desk.resolve()
    found = await desk.find(view.key.id)
    assert (found.key.status, found.failure[0]) == (KeyStatus.FAILED, "COMMON_ERROR")
    assert len(await desk.asked("POST", ISSUE_PATH)) == 2
    assert await desk.resolve() == 0


async def test_what_was_never_answered_within_the_window_stays_visible_and_is_not_asked(desk: Counter) -> None:
    await desk.fault("refuse", ISSUE_PATH, times=0)
    view = await desk.issue()
    for days in (2, 3, 400):
        before = len(await desk.asked("POST", ISSUE_PATH))
        assert await desk.resolve(after=timedelta(days=days)) == 1
        found = await desk.find(view.key.id)
        assert (found.key.status, found.open_request) == (KeyStatus.ISSUING, "billing_key_issue")
        assert len(await desk.asked("POST", ISSUE_PATH)) == before
    with refused("BILLING_KEY_NOT_READY"):
        await desk.charge(view.key.id, await desk.order())
    with refused("BILLING_KEY_NOT_READY"):
        await desk.delete(view.key.id)


async def test_an_auth_key_works_once(desk: Counter) -> None:
    auth_key = await desk.auth_key()
    view = await desk.issue(auth_key)
    again = await desk.issue(auth_key)
    assert (again.key.id, again.secret, again.key.status) == (view.key.id, view.secret, KeyStatus.ACTIVE)
    assert len(await desk.rows("SELECT FROM billing_keys")) == 1


async def test_a_card_that_is_refused_at_issue(desk: Counter) -> None:
    with refused("PAYMENT_DECLINED"):
        await desk.issue(declineAtIssue="INVALID_STOPPED_CARD")
    (row,) = await desk.rows("SELECT id, status FROM billing_keys")
    assert row["status"] == "FAILED"
    assert (await desk.find(row["id"])).failure[0] == "INVALID_STOPPED_CARD"


async def test_a_repeat_after_a_crash_goes_on_with_the_same_issue(desk: Counter) -> None:
    auth_key = await desk.auth_key()
    await desk.fault("drop_reply", ISSUE_PATH)
    first = await desk.issue(auth_key, origin=with_key(desk, "k"))
    await desk.resolve()
    again = await desk.issue(auth_key, origin=with_key(desk, "k"))
    assert (again.key.id, again.key.status) == (first.key.id, KeyStatus.ACTIVE)
    assert again.secret is not None


# --- Delete ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["id", "key"])
async def test_a_deletion_is_asked_once(desk: Counter, by: str) -> None:
    issued = await desk.issue()
    name = issued.key.id if by == "id" else issued.secret
    first = await desk.delete(name)
    assert (first.key.status, first.key.sealed_key) == (KeyStatus.DELETED, None)
    again = await desk.delete(name)
    assert again.key == first.key
    assert len(await desk.asked("DELETE", "/v1/billing/")) == 1
    with refused("BILLING_KEY_DELETED"):
        await desk.charge(name, await desk.order())


async def test_a_lost_reply_to_a_deletion_is_asked_again(desk: Counter) -> None:
    issued = await desk.issue()
    # The client's library repeats a DELETE once by itself, so two replies are lost.
    await desk.fault("drop_reply", "/v1/billing/", method="DELETE", times=2)
    view = await desk.delete(issued.key.id)
    assert (view.key.status, view.open_request) == (KeyStatus.ACTIVE, "billing_key_delete")
    with refused("BILLING_KEY_DELETED"):
        await desk.charge(issued.key.id, await desk.order())
    assert (await desk.delete(issued.key.id)).attempt == view.attempt
    await desk.resolve()
    found = await desk.find(issued.key.id)
    assert (found.key.status, found.open_request) == (KeyStatus.DELETED, None)
    assert await desk.attempts(issued.key.id) == [
        ("billing_key_issue", "success", "yes", None),
        ("billing_key_delete", "success", "yes", None),
    ]


async def test_a_deletion_that_a_webhook_told_first_is_closed_without_asking(desk: Counter) -> None:
    issued = await desk.issue()
    await desk.fault("drop_reply", "/v1/billing/", method="DELETE", times=2)
    await desk.delete(issued.key.id)
    before = len(await desk.asked("DELETE", "/v1/billing/"))
    assert issued.secret is not None
    async with desk.db.transaction() as conn:
        assert await forget_deleted(conn, desk.cashier, issued.secret, reason="삭제 API 요청")
    await desk.resolve()
    found = await desk.find(issued.key.id)
    assert (found.open_request, found.key.delete_reason) == (None, "삭제 API 요청")
    assert len(await desk.asked("DELETE", "/v1/billing/")) == before


async def test_two_deletions_at_once(desk: Counter) -> None:
    issued = await desk.issue()
    await asyncio.gather(*(desk.delete(issued.key.id) for _ in range(8)))
    assert (await desk.find(issued.key.id)).key.status is KeyStatus.DELETED
    assert len(await desk.asked("DELETE", "/v1/billing/")) == 1


async def test_a_deletion_is_repeated_until_toss_answers(desk: Counter) -> None:
    issued = await desk.issue()
    await desk.fault("refuse", "/v1/billing/", method="DELETE", times=0)
    await desk.delete(issued.key.id)
    for _ in range(3):
        await desk.resolve(after=timedelta(days=30))
        assert (await desk.find(issued.key.id)).open_request == "billing_key_delete"
    await desk.toss.send("DELETE", "/sandbox/faults")
    await desk.resolve()
    assert (await desk.find(issued.key.id)).key.status is KeyStatus.DELETED


# --- Charge ------------------------------------------------------------------------------------------


async def test_a_key_that_toss_has_removed_is_marked_when_it_is_charged(desk: Counter) -> None:
    issued = await desk.issue()
    await desk.toss.post(f"/sandbox/billing-keys/{issued.secret}/delete", {})
    with refused("BILLING_KEY_DELETED") as error:
        await desk.charge(issued.key.id, await desk.order())
    assert error.value.extra == {"providerCode": "ALREADY_REMOVED_BILLING_KEY"}
    found = (await desk.find(issued.key.id)).key
    assert (found.status, found.sealed_key, found.delete_reason) == (
        KeyStatus.DELETED,
        None,
        "ALREADY_REMOVED_BILLING_KEY",
    )


async def test_a_key_that_toss_does_not_know_is_left_as_it_is_when_it_is_charged(desk: Counter) -> None:
    issued = await desk.issue()
    order = await desk.order()
    await desk.fault("status", "/v1/billing/", orderId=order, code="NOT_FOUND_BILLING", status=404)
    with refused("PAYMENT_REFUSED"):
        await desk.charge(issued.key.id, order)
    assert (await desk.find(issued.key.id)).key.status is KeyStatus.ACTIVE
    assert (await desk.charge(issued.key.id, order)).order.status == "PAID"


async def test_a_customer_key_that_differs_is_refused_before_toss_is_asked(desk: Counter) -> None:
    issued, order = await desk.issue(), await desk.order()
    with refused("BILLING_CUSTOMER_MISMATCH"):
        await desk.charge(issued.key.id, order, customer_key="somebody-else")
    with refused("AMOUNT_MISMATCH"):
        await desk.charge(issued.key.id, order, amount=Krw(1))
    with refused("ORDER_NOT_FOUND"):
        await desk.charge(issued.key.id, type(order)("ORD-0000000000000-NOBODY00"))
    charges = [call for call in await desk.asked("POST", "/v1/billing/") if call["path"] != ISSUE_PATH]
    assert charges == []
    view = await desk.charge(issued.key.id, order, customer_key=issued.key.customer_key, amount=Krw(9_000))
    assert view.order.status == "PAID"


async def test_a_period_is_charged_once_per_key(desk: Counter) -> None:
    issued, other = await desk.issue(), await desk.issue()
    first, second = await desk.order(), await desk.order()
    await desk.charge(issued.key.id, first, period="2026-11")
    assert (await desk.charge(issued.key.id, first, period="2026-11")).order.status == "PAID"
    with refused("BILLING_PERIOD_CHARGED"):
        await desk.charge(issued.key.id, second, period="2026-11")
    await desk.charge(issued.key.id, second, period="2026-12")
    await desk.charge(other.key.id, await desk.order(), period="2026-11")


async def test_a_declined_period_may_be_tried_again(desk: Counter) -> None:
    issued = await desk.issue(declineAtCharge="REJECT_CARD_PAYMENT", declineTimes=1)
    order = await desk.order()
    with refused("PAYMENT_DECLINED"):
        await desk.charge(issued.key.id, order, period="2026-11")
    assert (await desk.charge(issued.key.id, order, period="2026-11")).order.status == "PAID"


async def test_a_repeat_is_answered_the_same_after_the_key_was_deleted(desk: Counter) -> None:
    """I9: what was begun while the key could be charged is answered, whatever has become of the key since."""
    issued, order = await desk.issue(), await desk.order()
    first = await desk.charge(issued.key.id, order, with_key(desk, "k"))
    await desk.delete(issued.key.id)
    desk.clock.at += timedelta(minutes=1)  # no reply was kept: its process died
    again = await desk.charge(issued.key.id, order, with_key(desk, "k"))
    assert (again.payment.id, again.payment.status) == (first.payment.id, first.payment.status)
    await desk.rows(
        "UPDATE idempotency_keys SET status = 200, headers = '{}', sealed_body = $1",
        desk.cashier.ring.seal(b"kept", purpose="idempotency_keys:h:k"),
    )
    with pytest.raises(ReplyAgain):
        await desk.charge(issued.key.id, order, with_key(desk, "k"))


async def test_a_refused_charge_does_not_use_up_the_idempotency_key(desk: Counter) -> None:
    issued = await desk.issue()
    await desk.delete(issued.key.id)
    with refused("BILLING_KEY_DELETED"):
        await desk.charge(issued.key.id, await desk.order(), with_key(desk, "k"))
    assert await desk.rows("SELECT FROM idempotency_keys") == []


# --- Whose it is -------------------------------------------------------------------------------------


async def test_somebody_elses_key_does_not_exist(desk: Counter) -> None:
    mine = await desk.issue(origin=Origin(actor="user:a", owner=UserId("a")))
    assert mine.key.user_id == "a"
    stranger, me = Origin(actor="user:b", owner=UserId("b")), Origin(actor="user:a", owner=UserId("a"))
    order = await desk.order("b")
    for name in (mine.key.id, mine.secret, new_uuid(), "unknown-key"):
        for work in (desk.find(name, stranger), desk.delete(name, stranger), desk.charge(name, order, stranger)):
            with refused("BILLING_KEY_NOT_FOUND"):
                await work
    with refused("ORDER_NOT_FOUND"):
        await desk.charge(mine.key.id, order, me)
    with refused("NOT_YOURS"):
        await desk.issue(user="b", origin=me)
    assert (await desk.charge(mine.key.id, await desk.order("a"), me)).order.status == "PAID"
