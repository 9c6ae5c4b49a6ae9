"""What the database's own bookkeeping costs a confirm: ``python -m bench.audit_chain``.

Closes attempts and approves payments, in turns with the triggers of migration 0005 and without, on a PostgreSQL of its
own. Both halves are single statements of one session, so what differs is the triggers' work and no round trip.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec

from paywon.db.embedded import EmbeddedPostgres
from paywon.db.migrate import ensure_database, migrate
from paywon.db.pool import Database

PAIRS: Final = 4_000
BLOCK: Final = 100
_ANSWER: Final = Path(__file__).parents[1] / "tests/fixtures/toss/payment-card-done.json"
_FURNISH: Final = """
    INSERT INTO orders (id, order_no, user_id, order_name, amount, expires_at, created_at, updated_at)
    SELECT gen_random_uuid(), 'ORD-' || n, 'u', '책', 1000, now(), now(), now()
    FROM generate_series(100000, 99999 + $1::int) n
"""
_PAYMENTS: Final = """
    INSERT INTO payments (id, payment_number, order_id, order_no, user_id, status, total_amount, requested_at,
                          created_at, updated_at)
    SELECT id, order_no, id, order_no, 'u', 'READY', 1000, now(), now(), now() FROM orders
"""
_ATTEMPTS: Final = """
    INSERT INTO payment_transactions (id, payment_id, type, status, payment_key, amount, idempotency_key, request_data,
                                      resolve_by, created_at)
    SELECT id, id, 'payment_confirmation', 'pending', order_no, 1000, id::text,
           jsonb_build_object('orderId', order_no, 'amount', 1000, 'paymentKey', order_no), now(), now() FROM orders
    RETURNING id
"""
_CLOSE: Final = """
    UPDATE payment_transactions
    SET status = 'success', outcome = 'yes', http_status = 200, response_data = $2, processing_time_ms = 12,
        closed_at = now(), resolve_by = NULL
    WHERE id = $1
"""
_APPROVE: Final = "UPDATE payments SET status = 'DONE', payment_key = order_no, raw_response = $2 WHERE id = $1"


async def measure(url: str) -> dict[str, list[float]]:
    """Time each statement in milliseconds, by what it does and whether the triggers run."""
    db = await Database.connect(url, max_connections=1, application_name="bench")
    answer = msgspec.json.decode(_ANSWER.read_bytes())
    times: dict[str, list[float]] = {}
    async with db.connection() as conn:
        # Without its trigger a close would break this rule.
        await conn.execute("ALTER TABLE payment_transactions DROP CONSTRAINT chained_once_closed")
        await conn.execute(_FURNISH, PAIRS)
        await conn.execute(_PAYMENTS)
        ids = [row["id"] for row in await conn.fetch(_ATTEMPTS)]
        await conn.execute("VACUUM ANALYZE")
        for start in range(0, PAIRS, BLOCK):
            bare = start // BLOCK % 2 == 0
            await conn.execute(f"SET session_replication_role = {'replica' if bare else 'origin'}")
            for row_id in ids[start : start + BLOCK]:
                await _once(conn, row_id, answer, "without" if bare else "with", times)
        await conn.execute("RESET session_replication_role")
    await db.close()
    return times


async def _once(conn: Any, row_id: UUID, answer: Any, how: str, times: dict[str, list[float]]) -> None:
    async with conn.transaction():
        for name, statement in (("approve the payment", _APPROVE), ("close the attempt", _CLOSE)):
            began = time.perf_counter()
            await conn.execute(statement, row_id, answer)
            times.setdefault(f"{name}, {how}", []).append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
    times.setdefault(f"commit, {how}", []).append((time.perf_counter() - began) * 1000)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="paywon-bench-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder) / "data")
        server.start()
        try:
            asyncio.run(ensure_database(server.url("postgres"), "bench"))
            asyncio.run(migrate(server.url("bench")))
            times = asyncio.run(measure(server.url("bench")))
        finally:
            server.stop()
    for name in sorted(times):
        quarter, median, *_ = statistics.quantiles(times[name], n=4)
        sys.stdout.write(f"{name:30} first quartile {quarter:.3f} ms, median {median:.3f} ms\n")


if __name__ == "__main__":
    main()
