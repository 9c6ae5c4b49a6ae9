"""The tables of both specifications, by SQL on a migrated database: each row of the page is a parameter's name."""

import re
from typing import Any

import pytest

from paywon.db.pool import Database
from tests.acceptance.specifications.steps import App, refund
from tests.support.stack import Stack

TEXT, UUID, WHOLE, TIME, JSON = "text", "uuid", "bigint", "timestamp with time zone", "jsonb"
YES_NO, SHORT = "boolean", "character varying"
NUMBERS, TEXTS = {"bigint", "integer"}, {TEXT, SHORT}

# Row of the page: table, and what its columns hold; a name with ! may not be null.
COLUMNS: dict[str, tuple[str, dict[str, str]]] = {
    "TP1": ("payments", {"id!": UUID}),
    "TP2": ("payments", {"user_id!": TEXT}),
    "TP3": ("payments", {"resource_type": TEXT}),
    "TP4": ("payments", {"resource_id": TEXT}),
    "TP5": ("payments", {"payment_number!": SHORT}),
    "TP6": ("payments", {"total_amount!": WHOLE}),
    "TP7": ("payments", {"currency!": TEXT}),
    "TP8": ("payments", {"payment_method": TEXT}),
    "TP9": ("payments", {"provider!": TEXT}),
    "TP10": ("payments", {"payment_key": TEXT}),
    "TP11": ("payments", {"order_no!": TEXT}),
    "TP12": ("payments", {"status!": TEXT}),
    "TP13": ("payments", {"card_company": TEXT}),
    "TP14": ("payments", {"card_last_four_digits": SHORT}),
    "TP15": ("payments", {"card_type": TEXT}),
    "TP16": ("payments", {"total_amount!": WHOLE, "balance_amount": WHOLE}),
    "TP17": ("payments", {"refund_reason": TEXT}),
    "TP18": ("payments", {"created_at!": TIME, "updated_at!": TIME}),
    "TT1": ("payment_transactions", {"id!": UUID, "payment_id": UUID}),
    "TT2": ("payment_transactions", {"type!": TEXT}),
    "TT3": ("payment_transactions", {"status!": TEXT}),
    "TT4": ("payment_transactions", {"request_data": JSON, "response_data": JSON}),
    "TT5": ("payment_transactions", {"processing_time_ms": WHOLE, "created_at!": TIME}),
    "P2-1": ("payments", {"payment_key": TEXT}),
    "P2-2": ("payments", {"order_id!": UUID}),
    "P2-3": ("payments", {"order_no!": TEXT}),
    "P2-4": ("payments", {"order_name": TEXT}),
    "P2-5": ("payments", {"method": TEXT}),
    "P2-6": ("payments", {"status!": TEXT}),
    "P2-7": ("payments", {"currency!": TEXT}),
    "P2-8": ("payments", {"balance_amount": WHOLE}),
    "P2-9": ("payments", {"total_amount!": WHOLE}),
    "P2-10": (
        "payments",
        {"vat": WHOLE, "tax_free_amount": WHOLE, "supplied_amount": WHOLE, "tax_exemption_amount": WHOLE},
    ),
    "P2-11": ("payments", {"requested_at!": TIME, "approved_at": TIME}),
    "P2-12": ("payments", {"receipt_url": TEXT}),
    "P2-13": ("payments", {"last_transaction_key": TEXT}),
    "P2-14": (
        "payments",
        {
            "card_type": TEXT,
            "issuer_code": TEXT,
            "acquirer_code": TEXT,
            "installment_plan_months": WHOLE,
            "is_interest_free": YES_NO,
        },
    ),
    "P2-15": ("payments", {"easy_pay_provider": TEXT}),
    "P2-16": ("payments", {"virtual_account": JSON}),
    "P2-17": ("payments", {"fail_code": TEXT, "fail_message": TEXT}),
    "P2-18": ("payments", {"raw_response": JSON}),
    "PC2-1": ("payment_cancels", {"id!": UUID, "payment_id!": UUID}),
    "PC2-2": ("payment_cancels", {"transaction_key": TEXT}),
    "PC2-3": ("payment_cancels", {"cancel_amount!": WHOLE, "cancel_reason!": TEXT}),
    "PC2-4": ("payment_cancels", {"cancel_status!": TEXT}),
    "PC2-5": ("payment_cancels", {"canceled_at": TIME}),
    "PC2-6": ("payment_cancels", {"tax_free_amount": WHOLE, "tax_exemption_amount": WHOLE}),
    "PC2-7": ("payment_cancels", {"receipt_key": TEXT, "refundable_amount": WHOLE}),
    "PC2-8": ("payment_cancels", {"easy_pay_discount_amount": WHOLE, "transfer_discount_amount": WHOLE}),
    "PC2-9": ("payment_cancels", {"raw_response": JSON}),
    "B2-1": ("billing_keys", {"id!": UUID, "sealed_key": "bytea", "key_digest": "bytea"}),
    "B2-2": ("billing_keys", {"customer_key!": TEXT}),
    "B2-3": ("billing_keys", {"method": TEXT}),
    "B2-4": ("billing_keys", {"card_meta": JSON}),
    "B2-5": ("billing_keys", {"authenticated_at": TIME}),
    "B2-6": ("billing_keys", {"status!": TEXT}),
    "B2-9": ("orders", {"id!": UUID, "order_no!": TEXT}),
}
# Row of the page: table, columns that are unique together, or the primary key.
UNIQUE: dict[str, tuple[str, str]] = {
    "TP1": ("payments", "id"),
    "TP5": ("payments", "payment_number"),
    "TP10": ("payments", "payment_key"),
    "TP11": ("payments", "order_no"),
    "P2-1": ("payments", "payment_key"),
    "P2-2": ("payments", "order_id"),
    "PC2-2": ("payment_cancels", "transaction_key"),
    "B2-1": ("billing_keys", "key_digest"),
    "B2-7": ("payments", "order_id"),
    "B2-8": ("capsules", "order_id"),
    "B2-9": ("orders", "order_no"),
}
# Row of the page: table, column, and the table that it refers to.
REFERS: dict[str, tuple[str, str, str]] = {
    "TT1": ("payment_transactions", "payment_id", "payments"),
    "P2-2": ("payments", "order_id", "orders"),
    "PC2-1": ("payment_cancels", "payment_id", "payments"),
}
# Row of the page: table, column, and the words that it takes.
WORDS: dict[str, tuple[str, str, str]] = {
    "TP7": ("payments", "currency", "KRW"),
    "TP8": ("payments", "payment_method", "card transfer virtual_account mobile"),
    "TP9": ("payments", "provider", "toss_payments"),
    "TP12": ("payments", "status", "READY IN_PROGRESS WAITING_FOR_DEPOSIT DONE CANCELED"),
    "TT2": ("payment_transactions", "type", "payment_request payment_confirmation refund_request webhook_received"),
    "TT3": ("payment_transactions", "status", "success failed pending"),
    "P2-6": ("payments", "status", "READY IN_PROGRESS DONE CANCELED PARTIAL_CANCELED ABORTED EXPIRED"),
    "B2-6": ("billing_keys", "status", "ISSUING ACTIVE FAILED DELETED"),
}
INDEXES: dict[str, tuple[str, str]] = {
    "TP19": ("payments", "(user_id, status, created_at)"),
    "TP20": ("payments", "(resource_type, resource_id)"),
    "TP21": ("payments", "(payment_key)"),
    "TT6": ("payment_transactions", "(payment_id, created_at, id)"),
}
# Which index serves the history's filters (TP19) depends on what the table holds: tests/db/test_payment_history.py.
_USE: dict[str, str] = {
    "TP20": "SELECT FROM payments WHERE resource_type = 'booking' AND resource_id = 'b'",
    "TP21": "SELECT FROM payments WHERE payment_key = 'k'",
    "TT6": "SELECT FROM payment_transactions WHERE payment_id = gen_random_uuid() ORDER BY created_at",
}


@pytest.mark.parametrize("row", COLUMNS)
async def test_tp_tt_p2_pc2_b2_a_column_stands_as_asked_for(db: Database, row: str) -> None:
    table, columns = COLUMNS[row]
    query = "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = $1"
    async with db.pool.acquire() as conn:
        there = {found[0]: (found[1], found[2]) for found in await conn.fetch(query, table)}
    for name, kind in columns.items():
        data_type, nullable = there[name.rstrip("!")]
        wider = next((group for group in (NUMBERS, TEXTS) if kind in group), {kind})
        assert data_type in wider
        assert (nullable == "NO") is name.endswith("!"), name


@pytest.mark.parametrize("row", UNIQUE)
async def test_tp_p2_pc2_b2_what_is_to_be_unique_is(db: Database, row: str) -> None:
    table, column = UNIQUE[row]
    query = "SELECT indexdef FROM pg_indexes WHERE tablename = $1 AND indexdef LIKE 'CREATE UNIQUE INDEX%'"
    async with db.pool.acquire() as conn:
        found = [line[0] for line in await conn.fetch(query, table)]
    assert any(line.partition(f"({column})")[1] for line in found), found


@pytest.mark.parametrize("row", REFERS)
async def test_tt_p2_pc2_what_refers_to_another_table_is_held_to_it(db: Database, row: str) -> None:
    table, column, other = REFERS[row]
    query = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' AND conrelid = $1::regclass"
    async with db.pool.acquire() as conn:
        found = [line[0] for line in await conn.fetch(query, table)]
    assert any(line.startswith(f"FOREIGN KEY ({column}) REFERENCES {other}(") for line in found), found


@pytest.mark.parametrize("row", WORDS)
async def test_tp_tt_p2_b2_a_column_takes_its_words_alone(db: Database, row: str) -> None:
    table, column, words = WORDS[row]
    query = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' AND conrelid = $1::regclass"
    async with db.pool.acquire() as conn:
        found = [line[0] for line in await conn.fetch(query, table)]
    (check,) = [line for line in found if re.match(rf"CHECK \(\({column} = ", line)]
    assert set(words.split()) <= set(re.findall(r"'(\w+)'", check)), check


@pytest.mark.parametrize("row", INDEXES)
async def test_tp_tt_o_an_index_is_there_and_serves(db: Database, row: str) -> None:
    """O3 to O6 too: what the audit found unused has a query that it serves."""
    table, columns = INDEXES[row]
    async with db.pool.acquire() as conn, conn.transaction():
        rows = await conn.fetch("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = $1", table)
        names = {line[0] for line in rows if columns in line[1] and "WHERE" not in line[1]}
        assert names, rows
        if row not in _USE:
            return
        await conn.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(line[0] for line in await conn.fetch(f"EXPLAIN {_USE[row]}"))
    assert any(name in plan for name in names), plan


async def test_p2_10_p2_12_p2_14_p2_18_pc2_9_rows_are_filled_from_what_toss_shows(app: App) -> None:
    paid = await app.paid()
    assert (await app.cancel(paid["payment"]["paymentKey"], cancelAmount=1_000)).status == 200
    row = await app.stack.row("SELECT * FROM payments")
    filled = "vat supplied_amount tax_free_amount tax_exemption_amount requested_at approved_at receipt_url"
    more = "last_transaction_key card_type issuer_code acquirer_code installment_plan_months is_interest_free"
    assert [name for name in f"{filled} {more} raw_response".split() if row[name] is None] == []
    cancel = await app.stack.row("SELECT * FROM payment_cancels")
    named = "transaction_key canceled_at tax_free_amount tax_exemption_amount refundable_amount raw_response"
    assert [name for name in named.split() if cancel[name] is None] == []
    assert (cancel["cancel_amount"], cancel["cancel_status"]) == (1_000, "DONE")


async def test_p2_17_a_refused_card_leaves_its_reason_in_the_row(app: App) -> None:
    order = await app.order()
    await app.confirm(order, await app.window(order, declineAtConfirm="REJECT_CARD_PAYMENT"))
    row = await app.stack.row("SELECT status, fail_code, fail_message FROM payments")
    assert (row["status"], row["fail_code"], bool(row["fail_message"])) == ("ABORTED", "REJECT_CARD_PAYMENT", True)


async def test_tp8_every_payment_says_how_it_was_paid_whichever_door_it_came_by(app: App) -> None:
    paid = await app.paid()
    assert (await app.stack.row("SELECT payment_method FROM payments"))["payment_method"] == "card"
    shown = await app.stack.api.get(f"/payments/{paid['payment']['id']}")
    assert shown["paymentMethod"] == "card"


async def test_tp6_tp10_tp11_tp12_tp16_the_api_says_specification_ones_names(stack: Stack) -> None:
    payment = await stack.paid()
    shown: dict[str, Any] = (await refund(stack, payment, refundAmount=20_000))["payment"]
    row = await stack.row("SELECT * FROM payments")
    assert {"amount", "transaction_id", "refunded_amount"}.isdisjoint(row)
    assert shown["amount"] == row["total_amount"] == 50_000
    assert shown["refundedAmount"] == row["total_amount"] - row["balance_amount"] == 20_000
    assert (shown["paymentKey"], shown["orderId"]) == (row["payment_key"], row["order_no"])
    assert (shown["status"], row["status"]) == ("partial_refunded", "PARTIAL_CANCELED")
