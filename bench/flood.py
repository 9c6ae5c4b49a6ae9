"""A flood of forged webhooks against a running paywon, and real ones in the middle of it.

    script/flood [--forged 100000] [--real 60] [--connections 32] [--minutes 10]

It starts a PostgreSQL, a sandbox, two API processes and two workers of its own, and ends them. The forger knows a few
orders, because they are their own, and sends from as many addresses as there are webhooks, so that no limit of
addresses stands in the way. Meanwhile customers pay accounts, which the sandbox tells by real webhooks. The exit code
is 1 if a real one was not worked, a call to Toss was too many, or memory or disk grew without bound.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bench.faulted.report import say
from bench.faulted.world import World, open_world
from bench.flooding.forging import SECRET, Forger, Own
from bench.flooding.sending import Answers, flood

from paywon.inbox.model import MAX_DOUBTED

_OWN_ORDERS: Final = 20
_LOOKS_PER_MINUTE: Final = 300
_LOOK_EVERY_S: Final = 1.0
_QUIET_WITHIN_S: Final = 150.0
"""Longer than the 64 seconds for which a hint that follows empty ones has to wait, and a round of housekeeping."""
# What a run may come to. Looks at an order of which nothing new is learned are 2, 4, … 64 s apart.
_MOST_CALLS_A_LOOK: Final = 3
_MOST_GROWTH_MB: Final = 150.0
_MOST_NOBODYS: Final = 10_000
_SETTINGS: Final = {
    "PAYWON_TRUSTED_PROXIES": "127.0.0.1",
    "PAYWON_RATE_PER_MINUTE_WEBHOOK": "3000",
    "PAYWON_WEBHOOK_LOOKS_PER_MINUTE": str(_LOOKS_PER_MINUTE),
    "TOSS_PAYMENTS_WEBHOOK_SECRET": SECRET,
}


@dataclass
class Story:
    """All that a run has shown; amounts of memory and disk in MB."""

    answers: Answers
    looks_of_forged: int = 0
    calls_of_forged: int = 0
    most_looks: int = 0
    real: int = 0
    real_paid: int = 0
    answered_late: int = 0
    worked_s: list[float] = field(default_factory=list)
    before: dict[str, float] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=dict)
    disk_mb: tuple[float, float, float] = (0.0, 0.0, 0.0)
    kept: dict[str, int] = field(default_factory=dict)
    invariants: str = ""

    def troubles(self) -> list[str]:
        """Everything that must not be."""
        found = []
        if self.real_paid != self.real:
            found.append(f"{self.real - self.real_paid} real webhooks were not worked")
        if self.answered_late:
            found.append(f"{self.answered_late} real webhooks were not answered 200 at the first attempt")
        if any(status >= 500 for status in self.answers.statuses):
            found.append(f"answers of 5xx: {dict(self.answers.statuses)}")
        if self.looks_of_forged > self.most_looks:
            found.append(f"{self.looks_of_forged} looks because of forged ones, {self.most_looks} allowed")
        if self.calls_of_forged > _MOST_CALLS_A_LOOK * self.most_looks:
            found.append(f"{self.calls_of_forged} calls to Toss because of forged ones")
        if sum(self.kept.get(status, 0) for status in ("ignored", "rejected")) > _MOST_NOBODYS:
            found.append(f"kept of what is nobody's: {self.kept}")
        for name, mb in self.peak.items():
            if name != "postgres" and mb - self.before[name] > _MOST_GROWTH_MB:
                found.append(f"{name} grew from {self.before[name]:.0f} to {mb:.0f} MB")
        if self.invariants != "I4 holds":
            found.append(self.invariants)
        return found


@dataclass
class Flood:
    """A run under way."""

    world: World
    options: argparse.Namespace
    own: list[Own] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    peak: dict[str, float] = field(default_factory=dict)

    async def play(self) -> Story:
        """Let the forger and the customers loose, and look at what it cost."""
        await self._furnish()
        before, disk = self._resident(), [await self._disk_mb()]
        began = time.monotonic()
        forger = Forger(own=self.own)
        requests = (forger.request(number) for number in range(self.options.forged))
        until = began + 60 * float(self.options.minutes)
        # A run that is stopped takes its helpers along.
        async with asyncio.TaskGroup() as group:
            watching, paying = group.create_task(self._watch()), group.create_task(self._pay())
            answers = await flood(self.world.ports[0], requests, connections=self.options.connections, until=until)
            say(f"the flood is over: {answers.count:,} answered in {answers.seconds:.0f} s")
            await paying
            disk.append(await self._disk_mb())
            await self._quiet()
            watching.cancel()
        lasted_s = time.monotonic() - began
        disk.append(await self._disk_mb())
        story = Story(answers=answers, before=before, peak=self.peak, real=len(self.accounts))
        story.disk_mb = (disk[0], disk[1], disk[2])
        await self._count(story, lasted_s)
        return story

    async def _furnish(self) -> None:
        """Place the forger's orders, one in four with an account, and the customers', all with accounts."""
        for number in range(_OWN_ORDERS):
            order_no = await self._order()
            key = await (self._account(order_no) if number % 4 == 0 else self._paid(order_no))
            self.own.append(Own(order_no=order_no, payment_key=key))
        for _ in range(self.options.real):
            self.accounts.append(await self._order())
            await self._account(self.accounts[-1])
        await self._quiet()

    async def _order(self) -> str:
        wish = {"orderName": "책", "amount": 9_000, "userId": "u-1"}
        order_no: str = (await self.world.apis[1].post("/api/orders", wish))["orderNo"]
        return order_no

    async def _account(self, order_no: str) -> str:
        body = {"orderId": order_no, "amount": 9_000, "bank": "국민은행", "customerName": "김토스"}
        issued = await self.world.apis[1].post("/api/payments/toss/virtual-accounts", body)
        assert issued.status == 201, issued
        return str(issued["payment"]["paymentKey"])

    async def _paid(self, order_no: str) -> str:
        urls = {"successUrl": "https://shop.example/s", "failUrl": "https://shop.example/f"}
        told = {"orderId": order_no, "orderName": "책", "amount": 9_000}
        key = str((await self.world.toss.post("/sandbox/checkout", {**told, **urls}))["paymentKey"])
        await self.world.toss.post(f"/sandbox/payments/{key}/authenticate", {"outcome": "approve", "method": "CARD"})
        body = {"paymentKey": key, "orderId": order_no, "amount": 9_000}
        reply = await self.world.apis[1].post("/api/payments/toss/confirm", body)
        assert reply.status == 200, reply
        return key

    async def _pay(self) -> None:
        """Have the customers pay their accounts, one after the other, while the flood goes on."""
        for order_no in self.accounts:
            reply = await self.world.toss.post(f"/sandbox/virtual-accounts/{order_no}/deposit", {})
            assert reply.status == 200, reply
            await asyncio.sleep(self.options.every_s)

    async def _watch(self) -> None:
        while True:
            for name, mb in self._resident().items():
                self.peak[name] = max(self.peak.get(name, 0.0), mb)
            await asyncio.sleep(_LOOK_EVERY_S)

    def _resident(self) -> dict[str, float]:
        return {name: cost.resident_mb for name, cost in self.world.costs().items()}

    async def _disk_mb(self) -> float:
        return float(await self.world.books.fetchval("SELECT pg_database_size(current_database())")) / 1_000_000

    async def _quiet(self) -> None:
        """Wait until no webhook waits any more, and there is no more of nobody's than shall be kept."""
        deadline = time.monotonic() + _QUIET_WITHIN_S
        while time.monotonic() < deadline:
            kept = await self._kept()
            nobodys = kept.get("ignored", 0) + kept.get("rejected", 0)
            if not await self._waiting() and nobodys <= _MOST_NOBODYS:
                return
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _waiting(self) -> int:
        """Count the webhooks that wait. Of each of the forger's orders a few may, for claiming more than is shown."""
        most = MAX_DOUBTED * len(self.own)
        of_forger = [own.order_no for own in self.own]
        query = "SELECT count(*) FROM webhook_events WHERE status = 'received' AND (order_no = ANY ($1)) = $2"
        others, forged = [await self.world.books.fetchval(query, of_forger, his) for his in (False, True)]
        return int(others) + max(0, int(forged) - most)

    async def _kept(self) -> dict[str, int]:
        rows = await self.world.books.fetch("SELECT status, count(*) FROM webhook_events GROUP BY 1")
        return {row["status"]: row["count"] for row in rows}

    async def _count(self, story: Story, lasted_s: float) -> None:
        fetch = self.world.books.fetchval
        of_forger = [own.order_no for own in self.own]
        reads = "type = 'status_read' AND actor = 'system:inbox' AND p.order_no = ANY ($1)"
        joined = f"FROM payment_transactions t JOIN payments p ON p.id = t.payment_id WHERE {reads}"
        story.calls_of_forged = await fetch(f"SELECT count(*) {joined}", of_forger)
        story.looks_of_forged = await fetch(_LOOKS, of_forger)
        # 2 + 4 + … + 64 s are seven looks, then one each 64 s; and one for each of two webhooks that were real.
        story.most_looks = min(
            len(of_forger) * (9 + int(lasted_s // 64)), _LOOKS_PER_MINUTE * (2 + int(lasted_s // 60))
        )
        story.kept = await self._kept()
        story.real_paid = await fetch(
            "SELECT count(*) FROM orders WHERE order_no = ANY ($1) AND status = 'PAID'", self.accounts
        )
        rows = await self.world.books.fetch(_WORKED, self.accounts)
        story.worked_s = sorted(float(row["worked_s"]) for row in rows)
        story.answered_late = await self._late()
        left = await self._waiting()
        story.invariants = "I4 holds" if left == 0 else f"{left} webhooks still wait"

    async def _late(self) -> int:
        """Count the real webhooks that were not answered 200 at the first attempt."""
        sent: list[dict[str, Any]] = (await self.world.toss.get("/sandbox/webhooks/deliveries"))["deliveries"]
        about = set(self.accounts)
        return sum(
            each["orderId"] in about and (each["state"], each["retriedCount"]) != ("DELIVERED", 0) for each in sent
        )


# Looks of one order are apart by a second at least; calls of one look follow one another.
_LOOKS: Final = """
    SELECT count(*) FROM (
        SELECT t.created_at - lag(t.created_at) OVER (PARTITION BY t.payment_id ORDER BY t.created_at) AS after
        FROM payment_transactions t JOIN payments p ON p.id = t.payment_id
        WHERE t.type = 'status_read' AND t.actor = 'system:inbox' AND p.order_no = ANY ($1)) reads
    WHERE after IS NULL OR after > interval '1 second'
    """
_WORKED: Final = """
    SELECT extract(epoch FROM processed_at - received_at) AS worked_s FROM webhook_events
    WHERE order_no = ANY ($1) AND verdict = 'secret_matched' AND status = 'processed'
    """


def show(story: Story) -> None:
    """Print what the run has shown."""
    answers, load = story.answers, ", ".join(f"{each:.1f}" for each in os.getloadavg())
    rate = answers.count / answers.seconds if answers.seconds else 0.0
    _print(f"forged: {answers.count:,} answered, {rate:,.0f} a second, {answers.broken} broken connections")
    _print(f"answers: {dict(sorted(answers.statuses.items()))}; {_spread(sorted(answers.latencies_s))}")
    _print(f"real: {story.real_paid} of {story.real} paid; from received to worked: {_spread(story.worked_s)}")
    _print(f"looks at Toss because of forged ones: {story.looks_of_forged}, {story.most_looks} allowed")
    _print(f"calls to Toss because of forged ones: {story.calls_of_forged}")
    for name, mb in sorted(story.peak.items()):
        _print(f"memory of {name}: {story.before[name]:.0f} MB before, {mb:.0f} MB at most")
    before, most, after = story.disk_mb
    _print(f"database: {before:.0f} MB before, {most:.0f} MB after the flood, {after:.0f} MB once it was quiet")
    _print(f"webhooks kept: {story.kept}; {story.invariants}")
    _print(f"load average: {load}")
    for trouble in story.troubles():
        _print(f"TROUBLE: {trouble}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none"
    p50, p99 = (seconds[int(len(seconds) * part)] * 1000 for part in (0.50, 0.99))
    return f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, at most {seconds[-1] * 1000:.0f} ms"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/flood", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--forged", type=int, default=100_000)
    parser.add_argument("--real", type=int, default=60, help="accounts that are paid meanwhile")
    parser.add_argument("--every-s", type=float, default=1.0, help="how long between two of them")
    parser.add_argument("--connections", type=int, default=32, help="forgers at once")
    parser.add_argument("--minutes", type=float, default=10.0, help="send nothing forged after this time")
    return parser.parse_args()


async def _until_stopped(options: argparse.Namespace) -> Story:
    """Run, and clear away on SIGTERM as on Ctrl-C."""
    task = asyncio.current_task()
    assert task is not None, "this runs in a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    say("starting PostgreSQL, sandbox, two API processes, two workers")
    async with open_world(30.0, **_SETTINGS) as world:
        return await Flood(world=world, options=options).play()


def main() -> int:
    """Answer 0 if nothing was wrong."""
    story = asyncio.run(_until_stopped(_options()))
    show(story)
    return 1 if story.troubles() else 0


if __name__ == "__main__":
    with contextlib.suppress(asyncio.CancelledError):
        sys.exit(main())
