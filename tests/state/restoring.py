"""Puts an older copy of the database back, as an operator does whose disk has died, and sees that the books heal.

What was asked since then is in no audit trail any more, and an order placed since then is unknown. Money is not: the
walk over Toss's list finds what moved, and money for an order that nobody knows is put before people.
"""

import time
from typing import TYPE_CHECKING, Any, Final

from tests.state.deciding import LEFT_TO_PEOPLE
from tests.state.replay import SETTLE_WITHIN_S, SurpriseError, money_of
from tests.support.invariants import assert_invariants

if TYPE_CHECKING:
    from tests.state.world import World

_COLUMNS: Final = """
    SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) AS names FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER'
    """


def back_up(world: "World") -> None:
    """Copy every table as it is at one moment."""
    copies = "; ".join(f"CREATE TABLE copied.{name} AS TABLE public.{name}" for name in world.tables())
    world.change(f"DROP SCHEMA IF EXISTS copied CASCADE; CREATE SCHEMA copied; {copies}")


def restore(world: "World") -> None:
    """Stop API and worker, put the copy back, and start them again."""
    processes = [world.stack.apis[0], world.stack.worker]
    for process in processes:
        assert process is not None, "both run here"
        process.kill()
    world.change("; ".join(_put_back(world, name) for name in world.tables()))
    world.bury()
    for process in processes:
        assert process is not None, "both run here"
        process.start()


def _put_back(world: "World", name: str) -> str:
    (row,) = world.rows(_COLUMNS, name)
    columns = row["names"]
    return (
        f"DELETE FROM {name}; "  # noqa: S608 - our tables
        f"INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM copied.{name}"
    )


def heal(world: "World", orders: list[str], *, within_s: float = SETTLE_WITHIN_S) -> None:
    """Wait until our books show every won of these orders that Toss does, or people are told of it."""
    (row,) = world.rows("SELECT now() AS since")
    deadline = time.monotonic() + within_s
    while wrong := world.left_open() or world.unwalked(row["since"]) or _differences(world, orders):
        if time.monotonic() > deadline:
            raise SurpriseError(f"an older backup was put back, and after {within_s:.0f} s: {'; '.join(wrong)}")
        world.operators.decide(world.rows(LEFT_TO_PEOPLE))
        time.sleep(0.1)
    try:
        world.runner.run(assert_invariants(world.stack.database_url))
    except AssertionError as broken:
        raise SurpriseError(f"an older backup was put back, and invariants: {broken}") from broken


def _differences(world: "World", orders: list[str]) -> list[str]:
    known = {row["order_no"] for row in world.rows("SELECT order_no FROM orders")}
    listed = {item["orderNo"] for item in _leftovers(world) if item["kind"] == "unknown_payment"}
    wrong = []
    for order_no in orders:
        theirs = money_of(world.side("toss").send("GET", f"/v1/payments/orders/{order_no}").body, "orderId")
        if order_no not in known:
            if theirs[0] == "paid" and theirs[1] and order_no not in listed:
                wrong.append(
                    f"Toss holds {theirs[1]} won for order {order_no}, which is forgotten and on no review list"
                )
            continue
        ours = world.side("api").send("GET", f"/api/payments/toss/orders/{order_no}").body or {}
        books = money_of(ours.get("payment"), "orderNo")
        # An account without a deposit, or a window, is in no list of Toss's: its money will be.
        if theirs != books and "paid" in (theirs[0], books[0]):
            wrong.append(f"order {order_no}: our books say {books}, Toss's {theirs}")
    return wrong


def _leftovers(world: "World") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.side("api").send("GET", "/api/ops/doubtful?limit=100")["leftovers"]
    return found
