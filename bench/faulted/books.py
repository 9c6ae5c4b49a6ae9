"""Our books and the sandbox's, read past all code of paywon, and everything in which they differ."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bench.faulted.callers import Run
from bench.faulted.plan import Expected
from bench.faulted.world import World

Row = dict[str, Any]
_AT_ONCE: Final = 16
_PAGE: Final = 5_000
_EVER: Final = "startDate=2000-01-01T00:00:00&endDate=2099-12-31T00:00:00"

_OURS: Final = """
    SELECT o.order_no, o.amount, o.status AS order_status, p.payment_key, p.status, p.total_amount, p.balance_amount,
      (SELECT array_agg(c.status) FROM capsules c WHERE c.order_id = o.id) AS capsules,
      (SELECT array_agg(x.cancel_amount ORDER BY x.created_at, x.id) FROM payment_cancels x
       WHERE x.payment_id = p.id AND x.cancel_status <> 'FAILED') AS cancels,
      (SELECT array_agg(x.transaction_key) FROM payment_cancels x
       WHERE x.payment_id = p.id AND x.cancel_status = 'DONE') AS cancel_keys,
      (SELECT count(*) FROM payment_transactions t WHERE t.payment_id = p.id AND t.status = 'pending') AS open
    FROM orders o LEFT JOIN payments p ON p.order_id = o.id WHERE o.order_no = ANY ($1)
    """
_UNFINISHED: Final = """
    SELECT (SELECT count(*) FROM payment_transactions WHERE status = 'pending') AS attempts,
      (SELECT count(*) FROM webhook_events WHERE status = 'received') AS webhooks
    """


@dataclass
class Findings:
    """What the comparison came to; ``won`` is the sum of all balances, ours and the sandbox's."""

    compared: int = 0
    won_ours: int = 0
    won_theirs: int = 0
    wrong: dict[str, list[str]] = field(default_factory=dict)
    """By the payment, or by what else it is about."""

    def note(self, about: str, said: Iterable[str]) -> None:
        if found := list(said):
            self.wrong.setdefault(about, []).extend(found)


async def ours(world: World, order_nos: Sequence[str]) -> dict[str, Row]:
    """Read what our books say of these orders."""
    return {row["order_no"]: dict(row) for row in await world.books.fetch(_OURS, order_nos)}


async def unfinished(world: World) -> dict[str, int]:
    """Count what is still open: attempts, webhooks not worked, webhooks not delivered."""
    (row,) = await world.books.fetch(_UNFINISHED)
    listed = (await world.toss.get("/sandbox/webhooks/deliveries"))["deliveries"]
    return {**dict(row), "deliveries": sum(delivery["state"] == "PENDING" for delivery in listed)}


async def webhooks(world: World) -> dict[str, int]:
    """Count the webhooks that came, by what became of them, and the repeats among them."""
    rows = await world.books.fetch("SELECT status, count(*), sum(repeats) AS repeats FROM webhook_events GROUP BY 1")
    return {row["status"]: row["count"] for row in rows} | {"repeated": sum(row["repeats"] for row in rows)}


async def unused_faults(world: World) -> int:
    """Count the faults that were ordered and never struck."""
    return len((await world.toss.get("/sandbox/faults"))["faults"])


def is_final(row: Row | None, expected: Expected) -> bool:
    """Whether our books show the end that a payment has to come to."""
    return row is not None and not list(_ours_wrong(row, expected))


async def compare(world: World, runs: Sequence[Run]) -> Findings:
    """Compare every payment with the plan and with the sandbox, to the won."""
    findings = Findings()
    known = await ours(world, [run.order_no for run in runs])
    moves = await _moves_at_toss(world)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(run: Run) -> None:
        async with gate:
            reply = await world.toss.get(f"/v1/payments/orders/{run.order_no}")
        theirs = reply.body if reply.status == 200 else None
        row = known.get(run.order_no)
        findings.note(_name(run), problems(run, row, theirs, moves.get(run.order_no, [])))
        findings.compared += 1
        findings.won_ours += (row or {}).get("balance_amount") or 0
        findings.won_theirs += sum(move["amount"] for move in moves.get(run.order_no, []))

    await asyncio.gather(*(one(run) for run in runs))
    strangers = moves.keys() - known.keys()
    findings.note("orders that only the sandbox knows", sorted(strangers))
    findings.note("what is left over", [problem async for problem in _left_over(world)])
    return findings


def _name(run: Run) -> str:
    trouble = run.errand.trouble
    where = f", {trouble.name} at the {'refund' if run.errand.on_refund else 'payment'}" if trouble else ""
    return f"payment {run.errand.number} ({run.errand.door}{where}) {run.order_no}"


def problems(run: Run, row: Row | None, theirs: Row | None, moves: list[Row]) -> Iterator[str]:
    """Say all that is wrong with a payment: our row, what the sandbox shows of it, and how money moved there."""
    if run.problem is not None:
        yield f"its caller: {run.problem}"
    if row is None or row["status"] is None:
        yield "we have no such payment"
        return
    yield from _ours_wrong(row, run.errand.expected)
    if theirs is None:
        yield "the sandbox has no such payment"
        return
    yield from _differences(row, theirs)
    yield from _moved_wrongly(row, moves)


def _ours_wrong(row: Row, expected: Expected) -> Iterator[str]:
    """Compare with the plan: what the customer asked for has happened, once."""
    capsules = [] if expected.capsule is None else [expected.capsule]
    wanted = {
        "status": expected.status,
        "balance_amount": expected.balance,
        "order_status": expected.order,
        "capsules": capsules,
        "cancels": list(expected.cancels),
        "open": 0,
    }
    for name, value in wanted.items():
        found = row[name] or [] if isinstance(value, list) else row[name]
        if found != value:
            yield f"{name} is {found}, should be {value}"


def _differences(row: Row, theirs: Row) -> Iterator[str]:
    """Compare with what the sandbox shows of the payment."""
    names = {"payment_key": "paymentKey", "status": "status", "total_amount": "totalAmount"}
    for name, their_name in {**names, "balance_amount": "balanceAmount"}.items():
        if row[name] != theirs[their_name]:
            yield f"{name}: ours {row[name]}, the sandbox's {theirs[their_name]}"
    cancels = theirs["cancels"] or []
    amounts, keys = [entry["cancelAmount"] for entry in cancels], {entry["transactionKey"] for entry in cancels}
    if (row["cancels"] or []) != amounts or set(row["cancel_keys"] or []) != keys:
        yield f"cancels: ours {row['cancels'] or []}, the sandbox's {amounts}"


def _moved_wrongly(row: Row, moves: list[Row]) -> Iterator[str]:
    """Compare with what the sandbox says that money did: once in, and what is left is our balance."""
    came = [(move["paymentKey"], move["amount"]) for move in moves if move["amount"] > 0]
    if came != [(row["payment_key"], row["amount"])]:
        yield f"paid {len(came)} times: {came}"
    left = sum(move["amount"] for move in moves)
    if left != row["balance_amount"]:
        yield f"balance: ours {row['balance_amount']}, the sandbox's movements leave {left}"


async def _moves_at_toss(world: World) -> dict[str, list[Row]]:
    """Page through every movement that the sandbox booked."""
    moves: dict[str, list[Row]] = defaultdict(list)
    after = ""
    while True:
        page = (await world.toss.get(f"/v1/transactions?{_EVER}&limit={_PAGE}{after}")).body
        for move in page:
            moves[move["orderId"]].append(move)
        if len(page) < _PAGE:
            return moves
        after = f"&startingAfter={page[-1]['transactionKey']}"


async def _left_over(world: World) -> Any:
    """Name what belongs to no single payment and should not be there at the end."""
    for about, count in (await unfinished(world)).items():
        if count:
            yield f"{count} {about} are still open"
    for row in await world.books.fetch(
        "SELECT reason, count(*) FROM webhook_events WHERE status = 'parked' GROUP BY 1"
    ):
        yield f"{row['count']} webhooks are parked: {row['reason']}"
    for row in await world.books.fetch("SELECT entrypoint, count(*) FROM pgqueuer WHERE status = 'failed' GROUP BY 1"):
        yield f"{row['count']} jobs have failed for good: {row['entrypoint']}"
