"""A second payment of one order goes back to the customer.

Toss and the sandbox refuse a second approval under one orderId, so that one came about is told here by a scripted
server in Toss's place.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec

from paywon.base.clock import SystemClock
from paywon.base.ids import UserId
from paywon.base.money import Krw
from paywon.base.sealing import KeyRing
from paywon.db.pool import Database
from paywon.orders.commands import OrderWish, add_order
from paywon.payments import store
from paywon.payments.commands.cashier import Cashier
from paywon.payments.commands.learning import Learned, learn
from paywon.payments.commands.resolving import resolve_due
from paywon.payments.commands.returning import return_due
from paywon.payments.model import AttemptStatus, Payment, Verdict
from paywon.strays import store as strays
from paywon.strays.model import Stray
from paywon.toss.client import TossClient
from tests.support.evidence import evidence
from tests.toss.loopback import client_for, error, loopback, reply, reset

DONE, CANCELED = "payment-card-done", "payment-card-canceled-full"
SECOND = "second-key"
WISH = OrderWish(user_id=UserId("u-1"), order_name="책", amount=Krw(1_000))


class Desk:
    """One paid order, a second payment of it, and a Toss that answers as a script says."""

    def __init__(self, db: Database) -> None:
        self.db, self.clock = db, SystemClock()
        self.order_no = ""

    async def second_payment(self, fixture: str = DONE) -> Payment:
        async with self.db.transaction() as conn:
            order = await add_order(conn, WISH, now=self.clock.now(), time_to_pay=timedelta(minutes=30))
        self.order_no = order.order_no
        await self.read(DONE, "first-key")
        learned = await self.read(fixture)
        assert learned.verdict is Verdict.STRAY
        assert learned.payment is not None
        return learned.payment

    async def read(self, fixture: str, key: str = SECOND) -> Learned:
        now, won = self.clock.now(), {"totalAmount": 1_000, "balanceAmount": 1_000}
        told = evidence(fixture, asked_at=now, orderId=self.order_no, paymentKey=key, **won)
        async with self.db.transaction() as conn:
            return await learn(conn, told, now=now, deposit_hold=timedelta(0))

    def body(self, fixture: str) -> bytes:
        raw = evidence(fixture, asked_at=self.clock.now()).raw
        return msgspec.json.encode({**raw, "orderId": self.order_no, "paymentKey": SECOND})

    def cashier(self, client: TossClient) -> Cashier:
        return Cashier(
            db=self.db,
            toss=client,
            clock=self.clock,
            ring=KeyRing([bytes(32)]),
            app_base_url="http://localhost",
            time_to_pay=timedelta(minutes=30),
            answer_budget_s=5,
            resolve_after=timedelta(0),
            deposit_hold=timedelta(0),
        )

    async def send_back(self, *steps: Any) -> list[dict[str, Any]]:
        """Run the rounds of the worker as often as there are steps; answer what Toss was sent."""
        async with loopback(*steps) as toss, client_for(toss.url, read_timeout_s=0.3) as client:
            cashier = self.cashier(client)
            await return_due(cashier)
            async with self.db.connection() as conn:
                await conn.execute("UPDATE payment_transactions SET resolve_by = now() WHERE status = 'pending'")
            await resolve_due(cashier)
            return [{"path": seen.raw_path, "body": seen.body} for seen in toss.seen]

    async def stray(self) -> Stray:
        async with self.db.connection() as conn:
            row = await conn.fetchrow("SELECT id FROM strays")
            assert row is not None
            found = await strays.by_id(conn, row["id"])
        assert found is not None
        return found


async def test_it_goes_back_whole_and_the_first_stays(db: Database) -> None:
    desk = Desk(db)
    payment = await desk.second_payment()
    (sent,) = await desk.send_back(reply(desk.body(CANCELED)))
    assert sent["path"] == f"/v1/payments/{SECOND}/cancel"
    asked = msgspec.json.decode(sent["body"])
    assert (asked["refundableAmount"], "cancelAmount" in asked) == (1_000, False)
    stray = await desk.stray()
    assert (stray.balance_amount, stray.return_at) == (0, None)
    assert stray.returned_at is not None
    async with db.connection() as conn:
        now = await store.by_id(conn, payment.id)
        assert now == replace(payment, updated_at=now.updated_at) if now else False
        assert await store.cancels_of(conn, payment.id) == []


async def test_a_lost_answer_is_found_out_by_a_read(db: Database) -> None:
    desk = Desk(db)
    await desk.second_payment()
    sent = await desk.send_back(reset(), reply(desk.body(CANCELED)))
    assert [entry["path"] for entry in sent] == [f"/v1/payments/{SECOND}/cancel", f"/v1/payments/{SECOND}"]
    assert (await desk.stray()).returned_at is not None


async def test_a_refusal_is_left_to_a_person(db: Database) -> None:
    desk = Desk(db)
    payment = await desk.second_payment()
    await desk.send_back(error(403, "NOT_CANCELABLE_PAYMENT"))
    stray = await desk.stray()
    assert (stray.return_at, stray.last_error, stray.balance_amount) == (None, "PAYMENT_REFUSED", 1_000)
    async with db.connection() as conn:
        attempt, *reads = await store.attempts_of(conn, payment.id, after=None, limit=10)
    assert (attempt.status, attempt.error_code) == (AttemptStatus.FAILED, "NOT_CANCELABLE_PAYMENT")
    assert {read.caused_by for read in reads} == {attempt.id}


async def test_what_only_could_not_be_sent_back_yet_is_no_work_for_a_person(db: Database) -> None:
    """Toss is away: the claim runs out, and the worker tries again."""
    desk = Desk(db)
    await desk.second_payment()
    async with client_for("http://127.0.0.1:9", read_timeout_s=0.3) as nobody:
        await return_due(desk.cashier(nobody))
    stray = await desk.stray()
    assert (stray.last_error, stray.returned_at) == (None, None)
    assert stray.return_at is not None, "nobody would try again"
    async with db.connection() as conn:
        await conn.execute("UPDATE strays SET return_at = now()")
    await desk.send_back(reply(desk.body(CANCELED)))
    assert (await desk.stray()).returned_at is not None


async def test_the_shop_hears_of_a_second_payment_that_waits_for_an_account(db: Database) -> None:
    desk = Desk(db)
    await desk.second_payment("payment-virtual-account-done")
    assert (await desk.stray()).last_error == "REFUND_ACCOUNT_REQUIRED"
    assert await told_of_unapplied(db) == 1
    await desk.read("payment-virtual-account-done")
    assert await told_of_unapplied(db) == 1, "once"


async def test_the_shop_hears_of_a_second_payment_only_once_a_person_has_to_send_it_back(db: Database) -> None:
    desk = Desk(db)
    await desk.second_payment()
    assert await told_of_unapplied(db) == 0
    await desk.send_back(error(403, "NOT_CANCELABLE_PAYMENT"))
    assert await told_of_unapplied(db) == 1


async def told_of_unapplied(db: Database) -> int:
    async with db.connection() as conn:
        return int(await conn.fetchval("SELECT count(*) FROM events WHERE type = 'payment.unapplied'"))
