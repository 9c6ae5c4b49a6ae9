"""Books as real commands write them, without a Toss: its answers are recorded bodies made to fit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec

from paywon.base.ids import BillingKeyId, CancelId, EndpointId, PaymentKey, UserId, new_uuid
from paywon.base.money import Krw
from paywon.base.sealing import KeyRing
from paywon.billing import store as billing
from paywon.billing.model import BillingKey, KeyStatus
from paywon.db.pool import Database
from paywon.fulfilments.commands import BUNDLED
from paywon.orders.commands import OrderBook, OrderWish, add_order
from paywon.orders.model import CapsuleWish, FulfilmentKind, Order, TimeOption
from paywon.payments import store
from paywon.payments.commands.cashier import Cashier, Origin, new_attempt
from paywon.payments.commands.free import settle_free
from paywon.payments.commands.learning import lock_or_open_payment
from paywon.payments.commands.recording import with_question
from paywon.payments.commands.settling import settle
from paywon.payments.model import Attempt, AttemptType, Cancel, CancelStatus, Payment
from paywon.toss.client import TossClient
from paywon.toss.errors import Operation, refusal
from paywon.toss.outcome import Call, No, Unknown, UnknownReason, Yes
from paywon.toss.wire import CancelPayment, ChargeBillingKey, ConfirmPayment, IssueVirtualAccount, Request
from tests.support.evidence import evidence

AMOUNT: Final = Krw(1_000)
SERVER: Final = Origin(actor="test")
HOLD: Final = timedelta(seconds=150)
_CAPSULE: Final = CapsuleWish(time_option=TimeOption.ONE_YEAR, custom_open_at=None, headcount=2, title="졸업")


@dataclass
class MovableClock:
    """A clock that stands until it is moved."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True)
class Asked:
    """A question on record, and the order that it is about."""

    order: Order
    payment: Payment
    attempt: Attempt


@dataclass
class Books:
    db: Database
    cashier: Cashier
    clock: MovableClock

    async def order(self, *, capsule: bool = False, by_event: bool = False) -> Order:
        kind = FulfilmentKind.TIME_CAPSULE if capsule else FulfilmentKind.EVENT if by_event else FulfilmentKind.NONE
        wish = OrderWish(
            user_id=UserId("u-1"),
            order_name="책",
            amount=AMOUNT,
            fulfilment_kind=kind,
            fulfilment_options=msgspec.to_builtins(_CAPSULE) if capsule else None,
        )
        async with self.db.transaction() as conn:
            return await add_order(conn, wish, now=self.clock.now(), time_to_pay=timedelta(minutes=30))

    async def ask(self, kind: AttemptType, order: Order, *, won: int = AMOUNT, **more: Any) -> Asked:
        """Put a question on record, as *intend* does; a refund reserves its amount."""
        async with self.db.transaction() as conn:
            payment = await lock_or_open_payment(conn, order, self.clock.now())
            key = key_of(order) if kind in (AttemptType.PAYMENT_CONFIRMATION, AttemptType.REFUND_REQUEST) else None
            attempt = new_attempt(self.cashier, kind, payment, SERVER, amount=Krw(won), payment_key=key)
            attempt = replace(attempt, **more)
            if (body := _body(kind, order, won)) is not None:
                attempt = with_question(self.cashier.ring, attempt, body)
            await store.open_attempt(conn, attempt)
            if kind is AttemptType.REFUND_REQUEST:
                await store.insert_cancel(conn, _reserved(attempt))
        return Asked(order=order, payment=payment, attempt=attempt)

    async def answer(self, asked: Asked, fixture: str = "payment-card-done", **changes: Any) -> None:
        """Have Toss answer yes with a recorded body that fits the order, but for the changes."""
        fitting = {"orderId": asked.order.order_no, "paymentKey": key_of(asked.order), "totalAmount": AMOUNT}
        told = evidence(fixture, asked_at=self.clock.now(), **{**fitting, "balanceAmount": AMOUNT, **changes})
        call = Call(method="POST", path="/", http_status=200, response_body=told.raw, elapsed_ms=12)
        yes = Yes(call=call, value=told.answer, raw=told.raw)
        await settle(self.cashier, asked.payment, asked.attempt, yes, asked_at=self.clock.now())

    async def refuse(self, asked: Asked, code: str = "REJECT_CARD_PAYMENT") -> None:
        """Have Toss refuse for good."""
        body = {"code": code, "message": "거절"}
        call = Call(method="POST", path="/", http_status=400, response_body=body, elapsed_ms=12)
        kind = refusal(Operation.CONFIRM, code)
        assert kind is not None, "a code of the explicit list"
        no = No(call=call, refusal=kind, code=code, message="거절", http_status=400)
        await settle(self.cashier, asked.payment, asked.attempt, no, asked_at=self.clock.now())

    async def lose(self, asked: Asked) -> None:
        """Have the answer get lost."""
        lost = Unknown(call=Call(method="POST", path="/"), reason=UnknownReason.READ_TIMEOUT)
        await settle(self.cashier, asked.payment, asked.attempt, lost, asked_at=self.clock.now())

    async def paid(self, *, capsule: bool = False, by_event: bool = False) -> Order:
        order = await self.order(capsule=capsule, by_event=by_event)
        await self.answer(await self.ask(AttemptType.PAYMENT_CONFIRMATION, order))
        return order

    async def refunded(self, order: Order, won: int) -> None:
        asked = await self.ask(AttemptType.REFUND_REQUEST, order, won=won)
        whole = won == AMOUNT
        listed = {
            "cancelAmount": won,
            "cancelReason": "변심",
            "canceledAt": self.clock.now().isoformat(),
            "transactionKey": f"cancel-{order.order_no}-{won}",
            "cancelStatus": "DONE",
        }
        await self.answer(
            asked,
            status="CANCELED" if whole else "PARTIAL_CANCELED",
            balanceAmount=AMOUNT - won,
            cancels=[listed],
            lastTransactionKey=listed["transactionKey"],
        )

    async def deposited(self, *, capsule: bool = False, by_event: bool = False) -> Order:
        """An account is issued, and its deposit comes: what it pays for is held."""
        order = await self.order(capsule=capsule, by_event=by_event)
        asked = await self.ask(AttemptType.VIRTUAL_ACCOUNT_ISSUE, order)
        await self.answer(asked, "payment-virtual-account-waiting")
        await self.read(order, "payment-virtual-account-done")
        return order

    async def read(self, order: Order, fixture: str, **changes: Any) -> None:
        """Read a payment, a second later than all before it."""
        self.clock.at += timedelta(seconds=1)
        await self.answer(await self.ask(AttemptType.STATUS_READ, order), fixture, **changes)

    async def charged(self, key_id: BillingKeyId, period: str) -> Order:
        order = await self.order()
        asked = await self.ask(AttemptType.BILLING_CHARGE, order, billing_key_id=key_id, billing_period=period)
        await self.answer(asked, "payment-billing-done")
        return order

    async def listen(self, *events: str, enabled: bool = True) -> EndpointId:
        """Put an endpoint into the books that has been there for a day; nothing is sent to it."""
        endpoint = EndpointId(new_uuid())
        async with self.db.connection() as conn:
            await conn.execute(
                """
                INSERT INTO event_endpoints (id, url, events, enabled, subscribed_at, sealed_secret, disabled_at,
                                             disabled_reason, created_at, updated_at)
                VALUES ($1, 'https://app.example/', $2, $3, $4::timestamptz, '',
                        CASE WHEN NOT $3 THEN $4::timestamptz END, CASE WHEN NOT $3 THEN 'OPERATOR' END, $4, $4)
                """,
                endpoint,
                list(events),
                enabled,
                self.clock.now() - timedelta(days=1),
            )
        return endpoint

    async def billing_key(self) -> BillingKeyId:
        now, key_id = self.clock.now(), BillingKeyId(new_uuid())
        key = BillingKey(
            id=key_id,
            user_id=UserId("u-1"),
            customer_key="c-1",
            sealed_key=b"sealed",
            key_digest=key_id.bytes,
            status=KeyStatus.ACTIVE,
            created_at=now,
            updated_at=now,
        )
        async with self.db.connection() as conn:
            await billing.insert(conn, key)
        return key_id

    async def damage(self, script: str) -> None:
        """Change rows past every trigger, as somebody with all rights would."""
        async with self.db.connection() as conn:
            await conn.execute(f"SET session_replication_role = replica; {script}; RESET session_replication_role")

    async def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        async with self.db.connection() as conn:
            return [dict(row) for row in await conn.fetch(query, *arguments)]

    async def row(self, query: str, *arguments: Any) -> dict[str, Any]:
        found = await self.rows(query, *arguments)
        assert len(found) == 1, found
        return found[0]


@asynccontextmanager
async def open_books(db: Database) -> AsyncIterator[Books]:
    """Books over a database; nobody is asked."""
    toss = TossClient(base_url="http://127.0.0.1:9", secret_key="test_sk_nobody")
    clock = MovableClock()
    cashier = Cashier(
        db=db,
        toss=toss,
        clock=clock,
        ring=KeyRing([bytes(32)]),
        deposit_hold=HOLD,
        app_base_url="http://localhost",
        time_to_pay=timedelta(minutes=30),
        answer_budget_s=1,
        resolve_after=timedelta(seconds=10),
    )
    yield Books(db=db, cashier=cashier, clock=clock)
    await toss.close()


def order_book(books: Books) -> OrderBook:
    """What the commands of orders work with, over the same database and clock."""
    return OrderBook(
        db=books.db,
        clock=books.clock,
        fulfilments=BUNDLED,
        time_to_pay=timedelta(minutes=30),
        settle_free=partial(settle_free, fulfilments=BUNDLED),
    )


def key_of(order: Order) -> PaymentKey:
    """The paymentKey that Toss gives an order here."""
    return PaymentKey(f"key-{order.order_no}")


def _body(kind: AttemptType, order: Order, won: int) -> Request | None:
    match kind:
        case AttemptType.PAYMENT_CONFIRMATION:
            return ConfirmPayment(payment_key=key_of(order), order_id=order.order_no, amount=won)
        case AttemptType.REFUND_REQUEST:
            return CancelPayment(cancel_reason="변심", cancel_amount=won)
        case AttemptType.VIRTUAL_ACCOUNT_ISSUE:
            return IssueVirtualAccount(
                amount=won, order_id=order.order_no, order_name="책", customer_name="홍길동", bank="20"
            )
        case AttemptType.BILLING_CHARGE:
            return ChargeBillingKey(amount=won, customer_key="c-1", order_id=order.order_no, order_name="책")
    return None


def _reserved(attempt: Attempt) -> Cancel:
    assert attempt.payment_id is not None and attempt.amount is not None, "a refund is of a payment"
    return Cancel(
        id=CancelId(new_uuid()),
        payment_id=attempt.payment_id,
        attempt_id=attempt.id,
        cancel_amount=attempt.amount,
        cancel_reason="변심",
        cancel_status=CancelStatus.PENDING,
        created_at=attempt.created_at,
    )
