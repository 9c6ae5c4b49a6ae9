"""A running paywon on which histories are played, one after another, each on empty books."""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import asyncpg

from tests.crash.world import Ground, make_database, open_ground
from tests.state import restoring
from tests.state.deciding import LEFT_TO_PEOPLE, Operators, make_operators_keys
from tests.state.disturbing import family_of, group_of, halt
from tests.state.replay import SETTLE_WITHIN_S, Side, Stage, SurpriseError
from tests.support.edits import Edit, mutate
from tests.support.invariants import assert_invariants
from tests.support.outside import find_faketime
from tests.support.processes import Process
from tests.support.stack import EVENTS, Stack

# Recovery that a person would wait minutes for, in seconds.
QUICK: Final = {
    "PAYWON_RESOLVE_AFTER_S": "1",
    "PAYWON_TOSS_CONNECT_TIMEOUT_S": "3",
    "PAYWON_TOSS_READ_TIMEOUT_S": "1",
    "PAYWON_ANSWER_BUDGET_S": "2",
    "PAYWON_DEPOSIT_HOLD_S": "1",
    "PAYWON_DB_CONNECTIONS": "4",
    "PAYWON_WEBHOOK_LOOKS_PER_MINUTE": "0",
}
# What a claim of the resolver holds: three times the time-outs above.
_LEASE_S: Final = 12
_REST_WITHIN_S: Final = 3.0
_TRIES: Final = 20
_KEPT: Final = ("alembic_version", "api_keys", "pgqueuer_schedules")
_OPEN: Final = """
    SELECT 'attempt ' || type || ' ' || coalesce(error_code, '') AS what FROM payment_transactions
      WHERE status = 'pending'
    UNION ALL SELECT 'webhook ' || event_type FROM webhook_events WHERE status = 'received'
    UNION ALL SELECT 'difference ' || order_no FROM reconciliation_differences WHERE next_read_at IS NOT NULL
    UNION ALL SELECT 'fulfilment of ' || order_no FROM orders
      WHERE status IN ('PAID', 'PARTIALLY_REFUNDED') AND fulfilment_kind = 'time_capsule'
        AND fulfilment_status = 'WAITING'
    """
_A_BACKEND: Final = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name IN ('paywon-api', 'paywon-worker')
    ORDER BY query_start DESC LIMIT 1
    """
_EVER: Final = "startDate=2020-01-01T00:00:00&endDate=2099-12-31T00:00:00&limit=5000"
_HELD: Final = """
    SELECT order_no, CASE WHEN approved_at IS NULL THEN 0 ELSE balance_amount END AS held FROM payments
    """
# One success for each payment that came about, and for each won that went back by our asking: what was cancelled
# in the merchant console ($1: won by order number) is nobody's question, however much it looks like one.
_AUDITED: Final = """
    SELECT p.order_no, p.status IN ('READY', 'IN_PROGRESS', 'ABORTED', 'EXPIRED') AS unpaid,
      p.total_amount - p.balance_amount AS back,
      count(*) FILTER (WHERE t.status = 'success'
        AND t.type IN ('payment_confirmation', 'virtual_account_issue', 'billing_charge')) AS told_paid,
      coalesce(sum(t.amount) FILTER (WHERE t.status = 'success'
        AND t.type IN ('payment_cancellation', 'refund_request')), 0)
        + coalesce(($1::jsonb ->> p.order_no)::bigint, 0) AS told_back,
      coalesce(sum(t.amount) FILTER (WHERE t.error_code = 'MARKED_FAILED'), 0) AS decided
    FROM payments p LEFT JOIN payment_transactions t ON t.payment_id = p.id GROUP BY p.id
    """
# What a deposit pays for is handed over only after its hold.
_HANDED_OVER_EARLY: Final = f"""
    SELECT p.order_no FROM capsules c JOIN payments p USING (order_id)
    WHERE c.created_at >= p.deposited_at
      AND c.created_at < p.deposited_at + interval '{QUICK["PAYWON_DEPOSIT_HOLD_S"]} s'
    """  # noqa: S608 - of a constant
# Time that would only be waited for. A lease is left alone, for while its resolver works no other would begin.
_HURRY: Final = f"""
    UPDATE payment_transactions SET resolve_by = now()
    WHERE status = 'pending' AND outcome = 'unknown' AND resolve_by > now()
      AND extract(epoch FROM resolve_by - now()) NOT BETWEEN {_LEASE_S / 2} AND {_LEASE_S}
    """  # noqa: S608 - of a constant
# A confirm whose window is open and that is not to be asked about for longer than its pace, hosts' clocks apart.
_PUT_OFF: Final = """
    SELECT id, extract(epoch FROM resolve_by - now())::int AS seconds FROM payment_transactions
    WHERE status = 'pending' AND type = 'payment_confirmation'
      AND coalesce(began_at, created_at) > now() - interval '6 minutes' AND resolve_by > now() + interval '110 s'
    """
_HURRY_LOOKS: Final = f"""
    WITH hurried AS (UPDATE webhook_events SET look_at = now() WHERE status = 'received' AND look_at > now())
    UPDATE webhook_looks
    SET not_before = now(), patient_until = now(),
        proven_at = CASE WHEN proven_at IS NOT NULL THEN least(proven_at, now()) END,
        hinted_at = CASE WHEN hinted_at IS NOT NULL THEN least(hinted_at, now()) END
    WHERE waiting > 0 AND greatest(not_before, patient_until, proven_at, hinted_at) > now()
      AND extract(epoch FROM not_before - now()) NOT BETWEEN {_LEASE_S / 2} AND {_LEASE_S}
    """  # noqa: S608 - of a constant
_HURRY_READS: Final = f"""
    UPDATE reconciliation_differences SET next_read_at = now() WHERE next_read_at > now()
      AND extract(epoch FROM next_read_at - now()) NOT BETWEEN {_LEASE_S / 2} AND {_LEASE_S}
    """  # noqa: S608 - of a constant
_WALK_NOW: Final = """
    UPDATE reconciliation_walks SET next_at = now()
    WHERE kind = 'recent' AND leased_until IS NULL AND next_at > now()
      AND (finished_at IS NULL OR begun_at < $1) RETURNING 1
    """
_WALKED: Final = "SELECT FROM reconciliation_walks WHERE kind = 'recent' AND begun_at >= $1 AND finished_at > begun_at"
# A worker that is dead holds nothing any more; in life its claims would run out.
_BURY: Final = (
    "UPDATE payment_transactions SET resolve_by = now() WHERE status = 'pending' AND resolve_by > now() + '5 s'",
    "UPDATE payments SET look_again_at = now() WHERE look_again_at BETWEEN now() + '5 s' AND now() + '15 s'",
    "UPDATE webhook_looks SET not_before = now() WHERE not_before > now() + '5 s'",
    "UPDATE reconciliation_walks SET leased_until = now() WHERE leased_until > now()",
)


class QuickStage(Stage):
    """A stage of ours: it kills processes by itself, and does not wait out the times between two tries."""

    def __init__(self, world: "World") -> None:
        super().__init__(world.side("api"), world.side("toss"), world.kill)
        self.world = world

    def settle(self, orders: list[str]) -> None:
        """Wait until no attempt is open, no webhook unworked, and no deposit held."""
        self.world.see_pace()
        self.sides["toss"].send("DELETE", "/sandbox/faults")
        deadline = time.monotonic() + SETTLE_WITHIN_S
        since = self.world.rows("SELECT now() AS since")[0]["since"] if self.gone else None
        while not self.resend_webhooks() or (left := self.world.left_open() or self.world.unwalked(since)):
            self.world.operators.decide(self.world.rows(LEFT_TO_PEOPLE))
            if time.monotonic() > deadline:
                raise SurpriseError(f"not at rest after {SETTLE_WITHIN_S:.0f} s: {left}")
            time.sleep(0.03)

    def disturb(self, what: str, whom: str, seconds: float) -> None:
        """Pause a process or hold a row, for a while that begins now; copy the database, or put the copy back."""
        if what == "hold":
            self.world.hold(whom, seconds)
        elif what == "back-up":
            restoring.back_up(self.world)
        elif what == "put-back":
            restoring.restore(self.world)
        else:
            self.world.pause(whom, seconds)

    def check(self, order_no: str, order_id: str | None, allowed: list[dict[str, Any]], wait_s: float = 0.0) -> None:
        """As everybody's, but all has come to rest."""
        super().check(order_no, order_id, allowed, wait_s)


@dataclass
class World:
    """Processes over one database and one key of the sandbox; ``run`` has what is awaited done from plain code."""

    stack: Stack
    runner: asyncio.Runner
    books: "asyncpg.Connection[Any]"
    sandbox: Process
    operators: Operators
    ground: Ground
    dirty: bool = False
    holders: "list[asyncpg.Connection[Any]]" = field(default_factory=list)
    holding: list[asyncio.Task[str]] = field(default_factory=list)

    def begin(self) -> Stage:
        """Forget everything but the schema and the API key, on both sides."""
        toss = self.side("toss")
        self.runner.run(self.let_loose())
        if self.dirty and not self._comes_to_rest(toss):
            self.kill("api")
            self.kill("worker")
        self.dirty = True  # until ``end`` says that all has come to rest
        toss.send("POST", "/sandbox/reset", {})
        self._forget_rows()
        hook = {"url": f"{self.stack.api_url}/payments/webhook", "events": EVENTS}
        reply = toss.send("POST", "/sandbox/webhooks", hook)
        assert reply.status == 200, reply.told
        return QuickStage(self)

    def _comes_to_rest(self, toss: Side) -> bool:
        """Wait a little for what a history left behind that was broken off."""
        toss.send("DELETE", "/sandbox/faults")
        deadline = time.monotonic() + _REST_WITHIN_S
        while self.left_open():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def end(self) -> None:
        """Say that nothing of the present history is still going on."""
        self.dirty = False

    def side(self, name: str) -> Side:
        if name == "api":
            return Side(self.stack.api_url, f"Bearer {self.stack.api_key}")
        secret = base64.b64encode(f"{self.stack.toss_key}:".encode()).decode()
        return Side(self.stack.sandbox_url, f"Basic {secret}")

    def kill(self, who: str) -> None:
        """Have a process die as in a power cut, and start it again."""
        if who == "database":
            self.runner.run(self._crash_database())
            return
        process = {"api": self.stack.apis[0], "worker": self.stack.worker}[who]
        assert process is not None, "both run here"
        process.kill()
        if who == "worker":
            self.bury()
        process.start()

    def bury(self) -> None:
        """Have nobody wait for what a dead worker held."""
        for statement in _BURY:
            self.rows(statement)

    def pause(self, who: str, seconds: float) -> None:
        """Halt a process of the stack, a backend of its database or all of PostgreSQL."""
        if who == "backend":
            pids = [row["pid"] for row in self.rows(_A_BACKEND)]
        elif who == "postgres":
            (row,) = self.rows("SELECT current_setting('data_directory') AS folder")
            pids = family_of(int((Path(row["folder"]) / "postmaster.pid").read_text(encoding="utf-8").split()[0]))
        else:
            process = {"api": self.stack.apis[0], "worker": self.stack.worker, "sandbox": self.sandbox}[who]
            assert process is not None, "all run here"
            pids = group_of(process.child.pid)
        halt(pids, seconds)

    def hold(self, order_no: str, seconds: float) -> None:
        """Hold an order's row in a transaction that ends by itself."""
        script = f"""
            BEGIN; SELECT FROM orders WHERE order_no = '{order_no}' FOR UPDATE; SELECT pg_sleep({seconds}); COMMIT
            """
        self.runner.run(self._hold(script))

    async def _hold(self, script: str) -> None:
        """Send it without waiting for its end: PostgreSQL goes on by itself."""
        holder = await asyncpg.connect(self.stack.database_url, server_settings={"application_name": "holder"})
        self.holders.append(holder)
        self.holding.append(asyncio.create_task(holder.execute(script)))
        await asyncio.sleep(0.05)

    async def let_loose(self) -> None:
        """Wait until no row is held any more."""
        await asyncio.gather(*self.holding, return_exceptions=True)
        for holder in self.holders:
            await holder.close()
        self.holding.clear()
        self.holders.clear()

    def unwalked(self, since: datetime | None) -> list[str]:
        """Return what says that Toss's list has not been walked since then, and have it walked."""
        if since is None or self.rows(_WALKED, since):
            return []
        self.rows(_WALK_NOW, since)
        return ["walk over Toss's list"]

    def see_pace(self) -> None:
        """See that confirms are asked about at their pace while their windows are open: the customer waits for it."""
        for row in self.rows(_PUT_OFF):
            raise SurpriseError(f"a confirm whose window is open is put off for {row['seconds']} s")

    def left_open(self) -> list[str]:
        """Answer what is still going on, and have it go on at once."""
        self.rows(_HURRY)
        self.rows(_HURRY_LOOKS)
        self.rows(_HURRY_READS)
        self.rows("UPDATE webhook_events SET look_at = now() WHERE status = 'received' AND look_at > now()")
        return [row["what"] for row in self.rows(_OPEN)]

    def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        """Read or change rows past all code of paywon."""
        self.runner.run(self._reconnect())
        return [dict(row) for row in self.runner.run(self.books.fetch(query, *arguments))]

    async def _reconnect(self) -> None:
        """Connect anew where the database has died since, under this world or another one."""
        await asyncio.sleep(0)
        if self.books.is_closed():
            self.books = await connect_books(self.stack.database_url)

    async def _crash_database(self) -> None:
        """Have PostgreSQL die and come back, and wait until the API is well again."""
        self.ground.crash_postgres()
        await self.ground.whole()
        deadline = time.monotonic() + SETTLE_WITHIN_S
        while self.side("api").send("GET", "/ready").status != 200:
            if time.monotonic() > deadline:
                raise SurpriseError("the API is not ready again after its database came back")
            await asyncio.sleep(0.1)

    def check(self, elsewhere: dict[str, int]) -> None:
        """See that the books are sound in themselves, as the audit trail tells them, and as Toss's ledger does."""
        try:
            self.runner.run(assert_invariants(self.stack.database_url))
        except AssertionError as broken:
            raise SurpriseError(f"invariants: {broken}") from broken
        for row in self.rows(_AUDITED, json.dumps({str(no): won for no, won in elsewhere.items()})):
            told = row["told_paid"], row["told_back"]
            true = (0, 0) if row["unpaid"] else (1, row["back"])
            # People may have said of a cancel of ours that it was none: nothing but its looks was known of it.
            if told != true and (told[0], told[1] + row["decided"]) != true:
                said, books = (f"{paid} paid, {back} back" for paid, back in (told, true))
                raise SurpriseError(f"audit trail of {row['order_no']}: {said}, the books: {books}")
        for row in self.rows(_HANDED_OVER_EARLY):
            raise SurpriseError(f"{row['order_no']}: the capsule was handed over before the hold had ended")
        moved: dict[str, int] = {}
        for entry in json.loads(self.side("toss").send("GET", f"/v1/transactions?{_EVER}").raw):
            moved[entry["orderId"]] = moved.get(entry["orderId"], 0) + entry["amount"]
        held = {row["order_no"]: row["held"] for row in self.rows(_HELD)}
        if moved != {order_no: held.get(order_no) for order_no in moved}:
            raise SurpriseError(f"Toss's ledger holds {moved}, our books {held}")

    def _forget_rows(self) -> None:
        deletions = "; ".join(f"DELETE FROM {name}" for name in self.tables())  # noqa: S608 - our tables
        for _ in range(_TRIES):
            try:
                self.change(deletions)
                return
            except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
                time.sleep(0.1)
        raise RuntimeError(f"the worker changed the books in each of {_TRIES} tries to empty them")

    def tables(self) -> list[str]:
        """Return the tables that a history begins with empty."""
        rows = self.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        return [row["tablename"] for row in rows if row["tablename"] not in _KEPT]

    def change(self, statements: str) -> None:
        """Run statements in one transaction, as of one moment, past all code of paywon."""
        self.runner.run(self._reconnect())
        self.runner.run(self._change(statements))

    async def _change(self, statements: str) -> None:
        """Write past every trigger that guards the audit trail.

        What a schedule of the worker writes meanwhile stays whole, its row and the head of its chain, or is all gone.
        """
        async with self.books.transaction(isolation="repeatable_read"):
            await self.books.execute(f"SET LOCAL session_replication_role = replica; {statements}")


@dataclass(frozen=True)
class Floor:
    """What worlds stand on, one after another: a PostgreSQL, a sandbox, and who runs what is awaited."""

    runner: asyncio.Runner
    ground: Ground

    @contextmanager
    def open_world(self, *, edits: Sequence[Edit] = (), sql: Sequence[str] = (), skew_s: int = 0) -> Iterator[World]:
        """Start API and worker over a fresh database; ``edits`` are made to their code, ``sql`` is run first.

        ``skew_s``: how far the API's host is ahead and the worker's behind, as if each had a clock of its own.
        """
        source = self.ground.source
        if edits:
            source = self.ground.folder / f"broken-{secrets.token_hex(6)}"
            mutate(self.ground.source, source, edits)
        url, key = self.runner.run(make_database(self.ground, sql))
        folder = self.ground.folder / f"stack-{secrets.token_hex(6)}"
        folder.mkdir()
        stack = Stack(
            database_url=url,
            sandbox_url=self.ground.sandbox_url,
            toss_key=f"test_sk_{secrets.token_hex(12)}",
            api_key=key,
            folder=folder,
            settings={**QUICK, "PYTHONPATH": str(source)},
        )
        try:
            stack.settings |= _host_clock(skew_s)
            self.runner.run(stack.open(worker=False))
            stack.settings |= _host_clock(-skew_s)
            self.runner.run(stack.start_worker())
            books = self.runner.run(connect_books(url))
            operators = Operators(stack.api_url, self.runner.run(make_operators_keys(url)))
            world = World(
                stack=stack,
                runner=self.runner,
                books=books,
                sandbox=self.ground.sandbox,
                operators=operators,
                ground=self.ground,
            )
            yield world
            self.runner.run(world.books.close())
        finally:
            self.runner.run(stack.close())


async def connect_books(url: str) -> "asyncpg.Connection[Any]":
    return await asyncpg.connect(url, server_settings={"application_name": "state"})


def _host_clock(skew_s: int) -> dict[str, str]:
    """Return what gives a process another clock than the machine's; the monotonic one stays."""
    if skew_s == 0:
        return {}
    return {"LD_PRELOAD": find_faketime(), "FAKETIME": f"{skew_s:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@contextmanager
def open_floor() -> Iterator[Floor]:
    """Start what worlds stand on, for a copy of ``src``: what others edit meanwhile does not come into it."""
    with asyncio.Runner() as runner:
        opened = AsyncExitStack()
        try:
            ground = runner.run(opened.enter_async_context(open_ground()))
            yield Floor(runner=runner, ground=ground)
        finally:
            runner.run(opened.aclose())
