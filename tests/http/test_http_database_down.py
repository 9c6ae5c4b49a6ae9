"""A database that goes away: every door says so, and when to come again."""

import secrets
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Sandbox
from tests.http.doors import doors
from tests.http.wire import Wire
from tests.http.world import Loop, World, check_problem
from tests.support.databases import Template
from tests.support.stack import Stack


@pytest.mark.parametrize("gone", [Template.drop, Template.shut])
def test_every_door_of_a_process_whose_database_is_gone(
    world: World,
    loop: Loop,
    template: Template,
    sandbox: Sandbox,
    tmp_path: Path,
    gone: Callable[[Template, str], Coroutine[Any, Any, None]],
) -> None:
    stack = Stack(
        database_url=loop.run(template.copy()),
        sandbox_url=sandbox.url,
        toss_key=f"test_sk_{secrets.token_hex(12)}",
        api_key="pwk_of_nobody",
        folder=tmp_path,
    )
    loop.run(stack.open(worker=False))
    wire = Wire(stack.ports[0], stack.api_key)
    try:
        assert wire.send("GET", "/ready").status == 200
        loop.run(gone(template, stack.database_url))
        event = b'{"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": "ORD-123456"}}'
        for attempt in range(2):
            for door in doors():
                body = event if door.path == "/payments/webhook" else world.good(door)
                answer = wire.send(door.method, world.target(door), body)
                if door.path in ("/health", "/api/config"):
                    assert answer.status == 200
                    continue
                assert (answer.status, answer.json()["code"]) == (503, "DATABASE_UNAVAILABLE"), (attempt, str(door))
                assert int(answer.headers["retry-after"]) > 0
                check_problem(answer)
        check_problem(wire.send("GET", "/nope"))
    finally:
        wire.close()
        loop.run(stack.close())


def test_connections_that_were_cut_are_made_anew(world: World) -> None:
    """Every connection of the pool is ended by the server; nobody sees more than one 503 for each."""
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'paywon-api'"
    assert world.ledger.run_once(cut) >= 1
    statuses = [world.wire.send("GET", "/payments?limit=1").status for _ in range(20)]
    assert set(statuses) <= {200, 503}
    assert statuses[-1] == 200
