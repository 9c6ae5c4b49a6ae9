"""What is done while the faults strike: each operation as a client does it, over HTTP."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from tests.crash.world import World
from tests.support.stack import Reply

AMOUNT: Final = 50_000
PART: Final = 20_000
_USER: Final = "6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001"
_CAPSULE: Final = {"kind": "time_capsule", "timeOption": "1_YEAR", "headcount": 2, "title": "우리의 여름"}


@dataclass
class Case:
    """One run of an operation: its subject, the client's request, and what the client was answered."""

    path: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    order_no: str | None = None
    subject_id: UUID | None = None
    """Of the payment, or of the billing key, that it is about."""
    payment_key: str | None = None
    resource_id: str = field(default_factory=lambda: f"crash-{secrets.token_hex(8)}")
    """What is paid for; of a billing key, its customerKey."""
    key: str = field(default_factory=lambda: secrets.token_hex(16))
    replies: list[Reply | None] = field(default_factory=list)
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)
    """When each of these answers was asked for, and when it came."""
    rival_key: str | None = None
    """The paymentKey of a second window that the customer has open for the same order."""

    @property
    def marks(self) -> tuple[bytes, ...]:
        """What a message about this case holds."""
        names = [name.encode() for name in (self.resource_id, self.order_no, self.payment_key) if name is not None]
        return (*names, *([self.subject_id.bytes] if self.subject_id is not None else []))

    def learn(self, reply: Reply | None) -> None:
        """Keep an answer, and the names that it tells."""
        self.replies.append(reply)
        told = reply.body if reply is not None and isinstance(reply.body, dict) else {}
        if (payment := told.get("payment")) is not None:
            self.subject_id = UUID(payment["id"])
            self.order_no = self.order_no or payment["orderId"]
            self.payment_key = self.payment_key or payment["paymentKey"]
        elif (key := told.get("billingKey")) is not None:
            self.subject_id = UUID(key["id"])


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What must be true once an operation has had its effect; the amounts are Toss's.

    ``toss`` is Toss's status of the payment, or ours of the billing key: Toss shows none.
    """

    attempt_type: str | None
    toss: str
    order: str | None = None
    balance: int | None = None
    capsule: str | None = None
    cancels: tuple[int, ...] = ()


class Operation(ABC):
    """One operation: ``prepare`` what it needs, then ``act``; ``act`` again is the client's repeat."""

    name: str
    effect: Effect
    webhook_only = False
    """Nobody asks us for it: a webhook tells, and its repeat is the webhook's."""

    @abstractmethod
    async def prepare(self, world: World) -> Case: ...

    async def act(self, world: World, case: Case) -> Reply | None:
        since = datetime.now(UTC)
        reply = await world.ask(case.path, case.body, key=case.key)
        case.asked.append((since, datetime.now(UTC)))
        case.learn(reply)
        return reply


class Request(Operation):
    name = "request"
    effect = Effect(attempt_type="payment_request", order="PENDING_PAYMENT", toss="READY", balance=AMOUNT)

    async def prepare(self, world: World) -> Case:
        case = Case(path="/payments/request")
        case.body = {
            "userId": _USER,
            "resourceType": "booking",
            "resourceId": case.resource_id,
            "amount": AMOUNT,
            "paymentMethod": "card",
            "customerName": "홍길동",
            "description": "병원 예약 결제",
        }
        return case


class Confirm(Operation):
    name = "confirm"
    effect = Effect(attempt_type="payment_confirmation", order="PAID", toss="DONE", balance=AMOUNT, capsule="LOCKED")

    async def prepare(self, world: World) -> Case:
        case = await _order(world)
        case.rival_key = await _authenticated(world, case)
        payment_key = await _authenticated(world, case)
        case.path, case.payment_key = "/api/payments/toss/confirm", payment_key
        case.body = {"paymentKey": payment_key, "orderId": case.order_no, "amount": AMOUNT}
        return case

    async def act(self, world: World, case: Case) -> Reply | None:
        """Confirm; while the answer is out, the customer comes back from the second window too."""
        reply = await super().act(world, case)
        if reply is not None and reply.status == 202 and case.rival_key is not None:
            rival = {**case.body, "paymentKey": case.rival_key}
            case.rival_key = None
            await world.ask(case.path, rival, key=secrets.token_hex(16))
        return reply


class _Refund(Operation):
    body: ClassVar[dict[str, Any]]

    async def prepare(self, world: World) -> Case:
        paid = await Confirm().prepare(world)
        reply = await Confirm().act(world, paid)
        _expect(reply, 200)
        case = Case(path=f"/payments/{paid.subject_id}/refund", body=self.body)
        case.order_no, case.subject_id, case.resource_id = paid.order_no, paid.subject_id, paid.resource_id
        case.payment_key = paid.payment_key
        return case


class RefundFull(_Refund):
    name = "refund-full"
    body: ClassVar = {"refundReason": "전부"}
    effect = Effect(
        attempt_type="refund_request",
        order="REFUNDED",
        toss="CANCELED",
        balance=0,
        capsule="CANCELED",
        cancels=(AMOUNT,),
    )


class RefundPart(_Refund):
    name = "refund-part"
    body: ClassVar = {"refundReason": "일부", "refundAmount": PART}
    effect = Effect(
        attempt_type="refund_request",
        order="PARTIALLY_REFUNDED",
        toss="PARTIAL_CANCELED",
        balance=AMOUNT - PART,
        capsule="LOCKED",
        cancels=(PART,),
    )


class Account(Operation):
    name = "account"
    effect = Effect(
        attempt_type="virtual_account_issue", order="PENDING_PAYMENT", toss="WAITING_FOR_DEPOSIT", balance=AMOUNT
    )

    async def prepare(self, world: World) -> Case:
        case = await _order(world)
        case.path = "/api/payments/toss/virtual-accounts"
        case.body = {"orderId": case.order_no, "bank": "국민은행", "customerName": "홍길동"}
        return case


class Deposit(Operation):
    name = "deposit"
    webhook_only = True
    effect = Effect(attempt_type=None, order="PAID", toss="DONE", balance=AMOUNT, capsule="LOCKED")

    async def prepare(self, world: World) -> Case:
        case = await Account().prepare(world)
        reply = await Account().act(world, case)
        _expect(reply, 201)
        return case

    async def act(self, world: World, case: Case) -> Reply | None:
        """The customer transfers; Toss tells us by webhook."""
        _expect(await world.toss.post(f"/sandbox/virtual-accounts/{case.order_no}/deposit"), 200)
        return None


class IssueKey(Operation):
    """The customer authorised a card once; Toss tells the key in its answer and never again, to nobody."""

    name = "key"
    effect = Effect(attempt_type="billing_key_issue", toss="ACTIVE")

    async def prepare(self, world: World) -> Case:
        case = Case(path="/api/payments/toss/billing/issue")
        window = await world.toss.post("/sandbox/billing-auth", {"customerKey": case.resource_id})
        case.body = {"authKey": window["authKey"], "customerKey": case.resource_id}
        return case


class Charge(Operation):
    name = "charge"
    effect = Effect(attempt_type="billing_charge", order="PAID", toss="DONE", balance=AMOUNT, capsule="LOCKED")

    async def prepare(self, world: World) -> Case:
        key = await IssueKey().prepare(world)
        _expect(await IssueKey().act(world, key), 201)
        case = await _order(world)
        case.path = f"/api/payments/toss/billing/{key.subject_id}"
        case.body = {"orderId": case.order_no}
        return case


OPERATIONS: Final[dict[str, Callable[[], Operation]]] = {
    kind.name: kind for kind in (Request, Confirm, RefundFull, RefundPart, Account, Deposit, IssueKey, Charge)
}


async def _order(world: World) -> Case:
    case = Case()
    reply = await world.api.post(
        "/api/orders",
        {
            "orderName": "1년 타임캡슐",
            "amount": AMOUNT,
            "userId": _USER,
            "fulfilment": _CAPSULE,
            "resourceType": "capsule",
            "resourceId": case.resource_id,
        },
    )
    _expect(reply, 201)
    case.order_no = reply["orderNo"]
    return case


async def _authenticated(world: World, case: Case) -> str:
    """Open Toss's window and play the customer; answer the paymentKey."""
    window = await world.toss.post(
        "/sandbox/checkout",
        {
            "orderId": case.order_no,
            "orderName": "1년 타임캡슐",
            "amount": AMOUNT,
            "successUrl": f"{world.url}/success",
            "failUrl": f"{world.url}/fail",
        },
    )
    key: str = window["paymentKey"]
    _expect(
        await world.toss.post(f"/sandbox/payments/{key}/authenticate", {"outcome": "approve", "method": "CARD"}), 200
    )
    return key


def _expect(reply: Reply | None, status: int) -> None:
    if reply is None or reply.status != status:
        raise RuntimeError(f"an operation could not be prepared: {reply}")
