"""What must be true of a case once all is quiet: our books against Toss's, each effect once, nothing guessed."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from tests.crash.operations import Case, Effect, IssueKey, Operation
from tests.crash.world import World

Row = dict[str, Any]
_MONEY: Final = {"DONE", "PARTIAL_CANCELED", "CANCELED", "WAITING_FOR_DEPOSIT"}
_TOLD: Final = "SELECT type FROM events WHERE stream = $1 ORDER BY seq"
_ORDER: Final = "SELECT * FROM orders WHERE order_no = $1 OR resource_id = $2"
OUR_TROUBLE: Final = {"DATABASE_UNAVAILABLE", "BUSY", "INTERNAL"}
_ISSUES: Final = "/v1/billing/authorizations/issue"


async def examine(world: World, operation: Operation, case: Case, *, must_happen: bool) -> list[str]:
    """Say everything that is wrong; nothing is said of what is right."""
    if isinstance(operation, IssueKey):
        return list(problems_of_key(case, await gather_about_key(world, case), must_happen=must_happen))
    return list(problems(operation, case, await gather(world, case), must_happen=must_happen))


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that our books and Toss's say about a case."""

    order: Row | None
    payment: Row | None
    attempts: list[Row]
    cancels: list[Row]
    capsules: list[Row]
    events: list[Row]
    told: list[str]
    at_toss: Row | None
    writes_at_toss: list[Row]
    recorded_keys: dict[str, Row]


async def gather(world: World, case: Case) -> Evidence:
    """Read everything about a case, ours past our own code and Toss's from the sandbox."""
    rows = world.books.rows
    order = next(iter(await rows(_ORDER, case.order_no, case.resource_id)), None)
    order_no = order["order_no"] if order else case.order_no
    payment = next(iter(await rows("SELECT * FROM payments WHERE order_no = $1", order_no)), None)
    payment_id = payment["id"] if payment else None
    attempts = await rows(
        "SELECT * FROM payment_transactions WHERE payment_id = $1 ORDER BY created_at, id", payment_id
    )
    shown = await world.toss.get(f"/v1/payments/orders/{order_no}")
    asked = (await world.toss.get(f"/sandbox/requests?orderId={order_no}"))["requests"]
    writes = [item for item in asked if item["method"] == "POST" and item["path"].startswith("/v1/")]
    return Evidence(
        order=order,
        payment=payment,
        attempts=[attempt for attempt in attempts if attempt["type"] not in ("status_read", "webhook_received")],
        cancels=await rows("SELECT * FROM payment_cancels WHERE payment_id = $1", payment_id),
        capsules=await rows("SELECT * FROM capsules WHERE order_id = $1", order["id"] if order else None),
        events=await rows("SELECT * FROM webhook_events WHERE order_no = $1", order_no),
        told=[row["type"] for row in await rows(_TOLD, order["id"] if order else None)],
        at_toss=shown.body if shown.status == 200 else None,
        writes_at_toss=writes,
        recorded_keys={attempt["idempotency_key"]: attempt for attempt in attempts if attempt["idempotency_key"]},
    )


def problems(operation: Operation, case: Case, seen: Evidence, *, must_happen: bool) -> Iterator[str]:
    """Say everything that is wrong; nothing is said of what is right."""
    yield from _replies(case)
    yield from _told_that_nothing_happened(case, operation.effect, seen.attempts)
    yield from _books_agree(seen)
    yield from _audit(seen)
    asked = [attempt for attempt in seen.attempts if attempt["type"] == operation.effect.attempt_type]
    if must_happen or asked or _happened_at_toss(operation.effect, seen):
        yield from _happened_once(operation.effect, seen, asked)
    elif operation.effect.cancels == () and seen.capsules:
        yield "a capsule without a payment"


def _replies(case: Case) -> Iterator[str]:
    # 409 and 503 are told to a client that repeats too soon, or while the database is away.
    for reply in case.replies:
        if reply is not None and reply.status not in (200, 201, 202, 409, 503):
            yield f"a client was answered {reply.status} {reply.body!r}"[:300]
    # Where not even our own books could be read, a repeat is told what came of it once they can be.
    told = [reply for reply in case.replies if reply is not None and "OUTCOME_UNKNOWN" not in str(reply.body)]
    final = [reply for reply in told if reply.status in (200, 201, 202)]
    if any((reply.status, reply.body) != (final[0].status, final[0].body) for reply in final[1:]):
        yield f"one key was answered differently: {[(reply.status, reply.body) for reply in final]}"[:600]


def _told_that_nothing_happened(case: Case, effect: Effect, attempts: list[Row]) -> Iterator[str]:
    """Say which answer spoke of trouble of ours, as before an intent, although its question went on record.

    Such a caller would try again with a new key. A refusal of Toss's own, or one that never reached Toss, is an answer.
    """
    for reply, (since, until) in zip(case.replies, case.asked, strict=True):
        trouble = reply is not None and isinstance(reply.body, dict) and reply.body.get("code") in OUR_TROUBLE
        begun = [item for item in attempts if item["type"] == effect.attempt_type and item["caused_by"] is None]
        if trouble and any(since <= item["created_at"] <= until for item in begun):
            yield f"told that nothing happened, after a committed intent: {reply.body!r}"[:300] if reply else ""


def _books_agree(seen: Evidence) -> Iterator[str]:
    ours, toss = seen.payment or {}, seen.at_toss or {}
    if {ours.get("status"), toss.get("status")} & _MONEY:
        for ours_name, toss_name in (("status", "status"), ("balance_amount", "balanceAmount")):
            if ours.get(ours_name) != toss.get(toss_name):
                yield f"our {ours_name} is {ours.get(ours_name)}, Toss's {toss.get(toss_name)}"
    taken = sorted(cancel["cancelAmount"] for cancel in toss.get("cancels") or [])
    kept = sorted(cancel["cancel_amount"] for cancel in seen.cancels if cancel["cancel_status"] == "DONE")
    if taken != kept:
        yield f"our cancels are {kept}, Toss's {taken}"
    if any(cancel["cancel_status"] == "PENDING" for cancel in seen.cancels):
        yield "a cancel is still reserved"


def _audit(seen: Evidence) -> Iterator[str]:
    """Every question on record, one key for one question, and never two open at once."""
    yield from _questions(seen.writes_at_toss, seen.recorded_keys)
    held = [attempt for attempt in seen.attempts if attempt["idempotency_key"]]
    for earlier, later in pairwise(held):
        if earlier["closed_at"] is None or later["created_at"] < earlier["closed_at"]:
            yield f"two attempts were open at once: {earlier['type']} and {later['type']}"
    if any(attempt["status"] == "pending" for attempt in seen.attempts):
        yield "an attempt is still open"
    if any(event["status"] == "received" for event in seen.events):
        yield "a webhook is still unprocessed"


def _questions(writes_at_toss: list[Row], recorded_keys: Collection[str]) -> Iterator[str]:
    bodies: dict[str, Any] = {}
    for write in writes_at_toss:
        key = write["idempotencyKey"]
        if key not in recorded_keys:
            yield f"Toss was asked {write['path']} with a key that is not on record"
        if bodies.setdefault(key, (write["path"], write["body"])) != (write["path"], write["body"]):
            yield f"one key was used for two questions: {write['path']}"


def _happened_at_toss(effect: Effect, seen: Evidence) -> bool:
    shown = seen.at_toss
    return shown is not None and (shown["status"], shown["balanceAmount"]) == (effect.toss, effect.balance)


def _happened_once(effect: Effect, seen: Evidence, asked: list[Row]) -> Iterator[str]:
    shown = seen.at_toss or {}
    if (shown.get("status"), shown.get("balanceAmount")) != (effect.toss, effect.balance):
        yield f"Toss shows {shown.get('status')} with {shown.get('balanceAmount')} won left"
    if tuple(cancel["cancelAmount"] for cancel in shown.get("cancels") or []) != effect.cancels:
        yield f"Toss cancelled {[cancel['cancelAmount'] for cancel in shown.get('cancels') or []]}"
    if (seen.order or {}).get("status") != effect.order:
        yield f"the order is {(seen.order or {}).get('status')}, not {effect.order}"
    if [capsule["status"] for capsule in seen.capsules] != ([effect.capsule] if effect.capsule else []):
        yield f"capsules: {[capsule['status'] for capsule in seen.capsules]}"
    yield from _told_once(effect, seen)
    done = [attempt["status"] for attempt in asked].count("success")
    if effect.attempt_type is not None and done != 1:
        states = [(attempt["status"], attempt["outcome"], attempt["error_code"]) for attempt in asked]
        yield f"{done} attempts are on record as successful: {states}"


@dataclass(frozen=True, kw_only=True)
class KeyEvidence:
    """All that our books and Toss's say about a billing key; Toss shows none, so its answers have to tell."""

    keys: list[Row]
    attempts: list[Row]
    questions: list[Row]
    is_known: bool
    """Whether our door finds the key by what Toss calls it."""

    @property
    def issued(self) -> set[str]:
        return {asked["answer"]["billingKey"] for asked in self.questions if asked["status"] == 200}


async def gather_about_key(world: World, case: Case) -> KeyEvidence:
    """Read everything about the billing keys of a case's customer."""
    rows = world.books.rows
    keys = await rows("SELECT * FROM billing_keys WHERE customer_key = $1", case.resource_id)
    attempts = await rows(
        "SELECT * FROM payment_transactions WHERE billing_key_id = ANY ($1)", [key["id"] for key in keys]
    )
    asked = (await world.toss.get(f"/sandbox/requests?path={_ISSUES}"))["requests"]
    seen = KeyEvidence(
        keys=keys,
        attempts=attempts,
        questions=[item for item in asked if item["body"]["customerKey"] == case.resource_id],
        is_known=False,
    )
    shown = [(await world.api.get(f"/api/payments/toss/billing/{key}")).status for key in seen.issued]
    return replace(seen, is_known=shown == [200])


def problems_of_key(case: Case, seen: KeyEvidence, *, must_happen: bool) -> Iterator[str]:
    """Say everything that is wrong with a customer's billing key."""
    yield from _replies(case)
    yield from _told_that_nothing_happened(case, IssueKey.effect, seen.attempts)
    yield from _questions(seen.questions, {attempt["idempotency_key"] for attempt in seen.attempts})
    if any(attempt["status"] == "pending" for attempt in seen.attempts):
        yield "an attempt is still open"
    if not (must_happen or seen.attempts or seen.issued):
        return
    if len(seen.issued) != 1:
        yield f"Toss issued {len(seen.issued)} keys"
    if [key["status"] for key in seen.keys] != ["ACTIVE"]:
        yield f"our keys are {[key['status'] for key in seen.keys]}"
    if not seen.is_known:
        yield "the key that Toss issued is none of ours"
    done = [attempt["status"] for attempt in seen.attempts].count("success")
    if done != 1:
        yield f"{done} attempts are on record as successful"


def _told_once(effect: Effect, seen: Evidence) -> Iterator[str]:
    """The application is told of each effect once, whatever broke on the way."""
    wanted = {"order.paid": int(effect.order != "PENDING_PAYMENT"), "order.refunded": int(effect.order == "REFUNDED")}
    wanted |= {"payment.requested": 1, "payment.partially_refunded": int(effect.order == "PARTIALLY_REFUNDED")}
    for kind, times in wanted.items():
        if seen.told.count(kind) != times:
            yield f"told {seen.told}: {kind} has to be there {times} times"
