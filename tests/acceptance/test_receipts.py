"""Cash receipts: issued, cancelled, listed and followed, and found again when an answer is lost."""

import asyncio
from typing import Any

import pytest

from tests.conftest import OpenStack
from tests.support.stack import Reply, Stack

NUMBER = "01098765432"
WISH = {"type": "소득공제", "customerIdentityNumber": NUMBER}
# Recovery that a person would wait minutes for, in seconds.
QUICK = {"PAYWON_RESOLVE_AFTER_S": "0.5", "PAYWON_ANSWER_BUDGET_S": "1.5", "PAYWON_TOSS_READ_TIMEOUT_S": "3"}


@pytest.fixture
async def stack(open_stack: OpenStack) -> Stack:
    return await open_stack(**QUICK)


async def _paid(stack: Stack, **changes: Any) -> dict[str, Any]:
    """A transfer of 50,000 won, the usual reason for a cash receipt."""
    requested = await stack.request_payment(paymentMethod="transfer", **changes)
    payment = requested["payment"]
    await stack.authenticate(payment["paymentKey"], method="TRANSFER", cashReceiptType="미발행")
    confirmation = {key: payment[key] for key in ("paymentKey", "orderId", "amount")}
    reply = await stack.api.post("/payments/confirm", confirmation)
    assert (reply.status, reply["payment"]["status"]) == (200, "completed"), reply
    paid: dict[str, Any] = reply["payment"]
    return paid


async def _issue(stack: Stack, payment: dict[str, Any], *, key: str | None = None, **changes: Any) -> Reply:
    headers = {"Idempotency-Key": key} if key else {}
    return await stack.api.post(f"/payments/{payment['id']}/cash-receipts", {**WISH, **changes}, headers=headers)


async def _cancel(stack: Stack, payment: dict[str, Any], receipt: Reply, **body: Any) -> Reply:
    return await stack.api.post(f"/payments/{payment['id']}/cash-receipts/{receipt['cashReceipt']['id']}/cancel", body)


async def _listed(stack: Stack, payment: dict[str, Any]) -> Reply:
    return await stack.api.get(f"/payments/{payment['id']}/cash-receipts")


async def _at_toss(stack: Stack) -> list[dict[str, Any]]:
    now = (await stack.toss.get("/sandbox/clock"))["now"]
    rows: list[dict[str, Any]] = (await stack.toss.get(f"/v1/cash-receipts?requestDate={now[:10]}"))["data"]
    return rows


async def _settled(stack: Stack) -> list[dict[str, Any]]:
    """Wait until no question is open; answer the receipts as they then are."""

    async def closed() -> bool:
        return not await stack.rows("SELECT FROM payment_transactions WHERE status = 'pending'")

    await stack.eventually(closed, within_s=30)
    return await stack.rows("SELECT * FROM cash_receipts ORDER BY created_at, id")


async def _tax_office_answers(stack: Stack) -> None:
    """Two days pass at Toss, and the time to look comes here."""
    reply = await stack.toss.post("/sandbox/clock/advance", {"seconds": 2 * 86_400})
    assert reply.status == 200, reply
    await stack.rows("UPDATE cash_receipts SET look_again_at = now() WHERE look_again_at IS NOT NULL")


async def test_a_receipt_is_issued_for_all_that_was_paid(stack: Stack) -> None:
    payment = await _paid(stack)
    none_yet = {"cashReceipts": [], "ownReceipts": [], "issuableAmount": 50_000, "excessAmount": 0}
    assert (await _listed(stack, payment)).body == none_yet
    issued = await _issue(stack, payment)
    assert issued.status == 201, issued
    receipt = issued["cashReceipt"]
    assert (receipt["amount"], receipt["type"], receipt["transactionType"]) == (50_000, "소득공제", "CONFIRM")
    assert (receipt["issueStatus"], receipt["customerHint"], receipt["cancelsId"]) == ("IN_PROGRESS", "***5432", None)
    (shown,) = await _at_toss(stack)
    assert (shown["receiptKey"], shown["amount"]) == (receipt["receiptKey"], 50_000)
    assert shown["orderId"].startswith(f"{payment['orderId']}-CR")
    assert (receipt["issueNumber"], receipt["receiptUrl"]) == (shown["issueNumber"], shown["receiptUrl"])

    listed = await _listed(stack, payment)
    assert (listed["cashReceipts"], listed["issuableAmount"]) == ([receipt], 0)
    again = await _issue(stack, payment)
    assert (again.status, again["code"]) == (409, "CASH_RECEIPT_NOT_ALLOWED")
    assert len(await _at_toss(stack)) == 1


async def test_the_number_that_it_is_issued_to_is_nowhere_to_be_read(stack: Stack) -> None:
    payment = await _paid(stack)
    await stack.fault(path="/v1/cash-receipts", kind="delay", delayMs=3000)
    assert (await _issue(stack, payment)).status == 202
    dumped = await _dump(stack)
    assert "***5432" in dumped
    await _settled(stack)
    for text in (dumped, await _dump(stack)):
        assert NUMBER not in text
        assert NUMBER[:7] not in text, "nor what Toss shows of it"
    logs = "".join(file.read_text() for file in stack.folder.glob("*.log"))
    assert NUMBER not in logs
    attempt = await stack.row("SELECT * FROM payment_transactions WHERE type = 'cash_receipt_issue'")
    assert attempt["request_data"]["customerIdentityNumber"] == "[redacted]"
    assert (attempt["status"], attempt["sealed_request"]) == ("success", None)


async def _dump(stack: Stack) -> str:
    tables = await stack.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    texts = []
    for table in tables:
        rows = await stack.rows(f'SELECT t::text AS row FROM "{table["tablename"]}" t')  # noqa: S608
        texts += [row["row"] for row in rows]
    return "\n".join(texts)


async def test_receipts_never_add_up_to_more_than_was_paid(stack: Stack) -> None:
    payment = await _paid(stack)
    first = await _issue(stack, payment, amount=20_000, taxFreeAmount=5_000)
    assert (first.status, first["cashReceipt"]["taxFreeAmount"]) == (201, 5_000)
    too_much = await _issue(stack, payment, amount=30_001)
    assert (too_much.status, too_much["code"], too_much["field"]) == (422, "CASH_RECEIPT_EXCEEDS", "amount")
    assert "30,000" in too_much["message"]
    tax = await _issue(stack, payment, amount=1_000, taxFreeAmount=1_001)
    assert (tax.status, tax["code"], tax["field"]) == (422, "TAX_FREE_ABOVE_AMOUNT", "taxFreeAmount")
    rest = await _issue(stack, payment, type="지출증빙", customerIdentityNumber="1234567890")
    assert (rest.status, rest["cashReceipt"]["amount"], rest["cashReceipt"]["type"]) == (201, 30_000, "지출증빙")
    assert sorted(row["amount"] for row in await _at_toss(stack)) == [20_000, 30_000]


async def test_what_was_refunded_needs_no_receipt(stack: Stack) -> None:
    payment = await _paid(stack)
    await stack.api.post(f"/payments/{payment['id']}/refund", {"refundReason": "변심", "refundAmount": 20_000})
    assert (await _listed(stack, payment))["issuableAmount"] == 30_000
    assert (await _issue(stack, payment))["cashReceipt"]["amount"] == 30_000


async def test_what_is_not_paid_gets_none_and_what_is_not_there_is_not_found(stack: Stack) -> None:
    waiting = (await stack.request_payment()).body["payment"]
    refused = await _issue(stack, waiting)
    assert (refused.status, refused["code"]) == (409, "CASH_RECEIPT_NOT_ALLOWED")
    nobody = {"id": "6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001"}
    assert (await _issue(stack, nobody))["code"] == "PAYMENT_NOT_FOUND"
    assert (await _listed(stack, nobody)).status == 404
    payment, other = await _paid(stack), await _paid(stack)
    issued = await _issue(stack, other)
    elsewhere = await _cancel(stack, payment, issued)
    assert (elsewhere.status, elsewhere["code"]) == (404, "CASH_RECEIPT_NOT_FOUND")
    assert await stack.rows("SELECT FROM payment_transactions WHERE type = 'cash_receipt_cancel'") == []


async def test_a_receipt_is_cancelled_in_parts(stack: Stack) -> None:
    payment = await _paid(stack)
    issued = await _issue(stack, payment)
    part = await _cancel(stack, payment, issued, amount=20_000)
    assert part.status == 201, part
    cancel = part["cashReceipt"]
    assert (cancel["transactionType"], cancel["amount"], cancel["cancelsId"]) == (
        "CANCEL",
        20_000,
        issued["cashReceipt"]["id"],
    )
    assert cancel["receiptKey"] == f"c_{issued['cashReceipt']['receiptKey']}"
    assert (await _listed(stack, payment))["issuableAmount"] == 20_000
    over = await _cancel(stack, payment, issued, amount=30_001)
    assert (over.status, over["code"], over["field"]) == (422, "CASH_RECEIPT_EXCEEDS", "amount")
    rest = await _cancel(stack, payment, issued)
    assert (rest.status, rest["cashReceipt"]["amount"]) == (201, 30_000)
    done = await _cancel(stack, payment, issued)
    assert (done.status, done["code"]) == (409, "CASH_RECEIPT_NOT_CANCELABLE")
    of_cancel = await _cancel(stack, payment, part)
    assert of_cancel["code"] == "CASH_RECEIPT_NOT_FOUND", "a cancel is not cancelled"
    assert (await _issue(stack, payment))["cashReceipt"]["amount"] == 50_000, "and may be issued anew"


async def test_receipts_are_followed_until_the_tax_office_has_answered(stack: Stack) -> None:
    payment = await _paid(stack)
    good, bad = await _issue(stack, payment, amount=20_000), await _issue(stack, payment, amount=30_000)
    path = f"/sandbox/cash-receipts/{bad['cashReceipt']['receiptKey']}/outcome"
    assert (await stack.toss.post(path, {"outcome": "FAILED", "reason": "TS1"})).status == 200
    await _tax_office_answers(stack)

    async def answered() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = (await _listed(stack, payment))["cashReceipts"]
        return rows if all(row["issueStatus"] != "IN_PROGRESS" for row in rows) else []

    first, second = await stack.eventually(answered)
    assert (first["id"], first["issueStatus"], first["failCode"]) == (good["cashReceipt"]["id"], "COMPLETED", None)
    assert (second["issueStatus"], second["failCode"]) == ("FAILED", "NTS_ERROR")
    assert "TS1" in second["failMessage"]
    assert (await _listed(stack, payment))["issuableAmount"] == 30_000, "what failed may be issued again"
    rows = await stack.rows("SELECT look_again_at FROM cash_receipts")
    assert [row["look_again_at"] for row in rows] == [None, None], "nobody looks any more"
    reads = await stack.rows("SELECT * FROM payment_transactions WHERE actor = 'system:receipts'")
    assert [(read["status"], read["response_data"]) for read in reads] == [("success", {"rows": 2})], (
        "one list for both"
    )
    assert (await _issue(stack, payment))["cashReceipt"]["amount"] == 30_000


async def test_a_list_that_cannot_be_read_is_read_again(stack: Stack) -> None:
    payment = await _paid(stack)
    await _issue(stack, payment)
    await stack.fault(path="/v1/cash-receipts", method="GET", kind="status", status=500)
    await _tax_office_answers(stack)

    async def failed() -> bool:
        return bool(await stack.rows("SELECT FROM payment_transactions WHERE actor = 'system:receipts'"))

    await stack.eventually(failed)
    row = await stack.row("SELECT issue_status, look_again_at > now() AS later FROM cash_receipts")
    assert row == {"issue_status": "IN_PROGRESS", "later": True}
    await stack.rows("UPDATE cash_receipts SET look_again_at = now()")

    async def completed() -> bool:
        return bool((await stack.row("SELECT issue_status FROM cash_receipts"))["issue_status"] == "COMPLETED")

    await stack.eventually(completed)


@pytest.mark.parametrize("kind", ["drop_reply", "half_body", "reset", "gateway"])
async def test_an_issue_whose_answer_is_lost_is_asked_again_with_its_own_key(stack: Stack, kind: str) -> None:
    payment = await _paid(stack)
    fault = {"kind": "status", "status": 502} if kind == "gateway" else {"kind": kind}
    await stack.fault(path="/v1/cash-receipts", method="POST", **fault)
    reply = await _issue(stack, payment)
    assert (reply.status, reply["cashReceipt"]["issueStatus"]) == (202, "PENDING")
    assert reply.headers["location"] == f"/payments/{payment['id']}/cash-receipts"
    assert int(reply.headers["retry-after"]) > 0
    (receipt,) = await _settled(stack)
    assert receipt["issue_status"] == "IN_PROGRESS"
    assert [row["receiptKey"] for row in await _at_toss(stack)] == [receipt["receipt_key"]], "one receipt at Toss"
    asked = [row for row in await stack.toss_requests("/v1/cash-receipts") if row["method"] == "POST"]
    assert len({row["idempotencyKey"] for row in asked}) == 1 < len(asked)
    assert len({str(row["body"]) for row in asked}) == 1, "the same body under the same key (I10)"


async def test_while_nobody_knows_the_amount_stays_reserved(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, **QUICK)
    payment = await _paid(stack)
    await stack.fault(path="/v1/cash-receipts", method="POST", kind="drop_reply")
    pending = await _issue(stack, payment)
    assert pending.status == 202
    again = await _issue(stack, payment)
    assert (again.status, again["code"]) == (409, "CASH_RECEIPT_IN_PROGRESS")
    cancel = await _cancel(stack, payment, pending)
    assert (cancel.status, cancel["code"]) == (409, "CASH_RECEIPT_IN_PROGRESS")
    assert (await _listed(stack, payment))["issuableAmount"] == 0


async def test_an_issue_that_toss_answered_with_a_passing_failure_is_looked_for_and_asked_anew(stack: Stack) -> None:
    payment = await _paid(stack)
    failure = {"status": 500, "code": "FAILED_INTERNAL_SYSTEM_PROCESSING"}
    await stack.fault(path="/v1/cash-receipts", method="POST", kind="status", **failure)
    assert (await _issue(stack, payment)).status == 202
    (receipt,) = await _settled(stack)
    assert receipt["issue_status"] == "IN_PROGRESS"
    first, second = await stack.rows(
        "SELECT * FROM payment_transactions WHERE type = 'cash_receipt_issue' ORDER BY created_at"
    )
    assert (first["status"], first["error_code"]) == ("failed", "FAILED_INTERNAL_SYSTEM_PROCESSING")
    assert (second["status"], second["caused_by"], receipt["attempt_id"]) == ("success", first["id"], second["id"])
    assert first["idempotency_key"] != second["idempotency_key"]
    reads = await stack.rows(
        "SELECT * FROM payment_transactions WHERE type = 'status_read' AND caused_by = $1", first["id"]
    )
    assert [read["request_data"]["path"] for read in reads] == ["/v1/cash-receipts"], "Toss's list was the evidence"
    assert len(await _at_toss(stack)) == 1


async def test_the_desk_shows_what_tosss_lists_said(stack: Stack) -> None:
    payment = await _paid(stack)
    failure = {"status": 500, "code": "FAILED_INTERNAL_SYSTEM_PROCESSING"}
    await stack.fault(path="/v1/cash-receipts", method="POST", kind="status", times=100, **failure)
    assert (await _issue(stack, payment)).status == 202

    async def listed() -> list[Any]:
        await stack.rows("UPDATE payment_transactions SET retry_count = 3 WHERE status = 'pending'")
        questions = (await stack.api.get("/api/ops/doubtful"))["questions"]
        return [answer["listed"] for doubt in questions for answer in doubt["answers"] if answer["listed"] is not None]

    assert set(await stack.eventually(listed)) == {0}


async def test_an_issue_that_toss_did_is_found_in_its_list(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, **QUICK)
    payment = await _paid(stack)
    await stack.fault(path="/v1/cash-receipts", method="POST", kind="drop_reply")
    assert (await _issue(stack, payment)).status == 202
    # As if a repeat had been answered with a failure: that key is used up, and only the list can tell.
    await stack.rows("UPDATE payment_transactions SET answered = true WHERE status = 'pending'")
    await stack.start_worker()
    (receipt,) = await _settled(stack)
    (shown,) = await _at_toss(stack)
    assert (receipt["issue_status"], receipt["receipt_key"]) == ("IN_PROGRESS", shown["receiptKey"])
    attempt = await stack.row("SELECT * FROM payment_transactions WHERE type = 'cash_receipt_issue'")
    assert (attempt["status"], attempt["outcome"]) == ("success", "yes")


async def test_an_issue_that_is_in_no_list_a_day_later_never_was(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, **QUICK)
    payment = await _paid(stack)
    await stack.fault(path="/v1/cash-receipts", method="POST", kind="refuse", times=0)
    assert (await _issue(stack, payment)).status == 202
    await stack.rows("UPDATE cash_receipts SET created_at = created_at - interval '25 hours'")
    a_day_ago = "UPDATE payment_transactions SET created_at = created_at - interval '25 hours' WHERE status = 'pending'"
    await stack.rows(a_day_ago)
    await stack.fault(path="/v1/cash-receipts", method="GET", kind="status", status=500, times=1)
    await stack.start_worker()
    (receipt,) = await _settled(stack)
    assert (receipt["issue_status"], receipt["fail_code"]) == ("FAILED", "connection_lost")
    assert (await _listed(stack, payment))["issuableAmount"] == 50_000
    attempt = await stack.row("SELECT * FROM payment_transactions WHERE type = 'cash_receipt_issue'")
    reads = await stack.rows(
        "SELECT outcome FROM payment_transactions WHERE caused_by = $1 ORDER BY created_at", attempt["id"]
    )
    first, *rest = [read["outcome"] for read in reads]
    assert first == "unknown", "a list that was not read proved nothing"
    assert rest in (["yes"] * 2, ["yes"] * 3), "all days were read to their end"


async def test_a_cancel_whose_answer_is_lost_is_found_again(stack: Stack) -> None:
    payment = await _paid(stack)
    issued = await _issue(stack, payment)
    path = f"/v1/cash-receipts/{issued['cashReceipt']['receiptKey']}/cancel"
    await stack.fault(path=path, kind="drop_reply")
    part = await _cancel(stack, payment, issued, amount=20_000)
    assert (part.status, part["cashReceipt"]["issueStatus"]) == (202, "PENDING")
    _, cancel = await _settled(stack)
    assert (cancel["issue_status"], cancel["receipt_key"]) == (
        "IN_PROGRESS",
        f"c_{issued['cashReceipt']['receiptKey']}",
    )
    assert (await _listed(stack, payment))["issuableAmount"] == 20_000
    assert len(await _at_toss(stack)) == 2

    await stack.fault(path=path, kind="status", status=500, code="FAILED_INTERNAL_SYSTEM_PROCESSING")
    assert (await _cancel(stack, payment, issued, amount=20_000)).status == 202
    *_, second = await _settled(stack)
    assert second["issue_status"] == "IN_PROGRESS"
    assert second["receipt_key"] != cancel["receipt_key"], "the first cancel of the same amount was not taken for it"
    assert len(await _at_toss(stack)) == 3


async def test_what_toss_refuses_is_told_and_reserves_nothing(stack: Stack) -> None:
    payment = await _paid(stack)
    await stack.fault(path="/v1/cash-receipts", kind="status", status=400, code="INVALID_CASH_RECEIPT_INFO")
    refused = await _issue(stack, payment)
    assert (refused.status, refused["code"], refused["providerCode"]) == (
        422,
        "PAYMENT_REFUSED",
        "INVALID_CASH_RECEIPT_INFO",
    )
    (failed,) = (await _listed(stack, payment))["cashReceipts"]
    assert (failed["issueStatus"], failed["failCode"]) == ("FAILED", "INVALID_CASH_RECEIPT_INFO")
    assert (await _issue(stack, payment)).status == 201


async def test_a_toss_that_cannot_be_reached_issues_nothing(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False)
    payment = await _paid(stack)
    (api,) = stack.apis
    api.kill()
    api.env["TOSS_PAYMENTS_BASE_URL"] = "http://127.0.0.1:9"
    api.start()
    await stack.api.close()  # its connection was to the process that is gone
    reply = await _issue(stack, payment)
    assert (reply.status, reply["code"]) == (503, "PROVIDER_UNAVAILABLE")
    row = await stack.row("SELECT issue_status, fail_code FROM cash_receipts")
    assert row == {"issue_status": "FAILED", "fail_code": "NOT_SENT"}
    api.kill()  # no other test wants it like this


async def test_the_same_key_issues_once_and_answers_the_same(stack: Stack) -> None:
    payment = await _paid(stack)
    first = await _issue(stack, payment, key="cr-1", amount=10_000)
    second = await _issue(stack, payment, key="cr-1", amount=10_000)
    assert (first.status, second.status, second.body) == (201, 201, first.body)
    assert second.headers["idempotent-replayed"] == "true"
    other = await _issue(stack, payment, key="cr-1", amount=20_000)
    assert (other.status, other["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert len(await _at_toss(stack)) == 1


async def test_two_at_once_issue_one(stack: Stack) -> None:
    payment = await _paid(stack)
    replies = await asyncio.gather(*(_issue(stack, payment) for _ in range(5)))
    assert sorted(reply.status for reply in replies) == [201, 409, 409, 409, 409]
    assert len(await _at_toss(stack)) == 1
    issued = next(reply for reply in replies if reply.status == 201)
    cancels = await asyncio.gather(*(_cancel(stack, payment, issued) for _ in range(5)))
    assert sorted(reply.status for reply in cancels) == [201, 409, 409, 409, 409]
    assert len(await _at_toss(stack)) == 2


async def test_a_receipt_that_came_with_the_payment_counts(stack: Stack) -> None:
    order = (await stack.api.post("/api/orders", {"orderName": "책", "amount": 12_000, "userId": "u-1"})).body
    account = {"orderId": order["orderNo"], "amount": 12_000, "bank": "국민", "customerName": "박토스"}
    receipt = {"cashReceipt": {"type": "소득공제", "registrationNumber": NUMBER}}
    issued = await stack.api.post("/api/payments/toss/virtual-accounts", {**account, **receipt})
    assert issued.status == 201, issued
    assert issued["payment"]["cashReceipts"] in (None, [])
    await stack.toss.post(f"/sandbox/virtual-accounts/{order['orderNo']}/deposit", {})
    payment = {"id": issued["payment"]["id"]}
    assert (await stack.api.get(f"/payments/{payment['id']}/status"))["status"] == "completed"

    seed1 = (await stack.api.get(f"/payments/{payment['id']}"))["cashReceipts"]
    seed2 = (await stack.api.get(f"/api/payments/toss/orders/{order['orderNo']}"))["payment"]["cashReceipts"]
    assert seed1 == seed2
    assert [(row["type"], row["amount"]) for row in seed1] == [("소득공제", 12_000)]
    assert NUMBER[:7] not in str(seed1)
    listed = await _listed(stack, payment)
    assert (listed["ownReceipts"], listed["issuableAmount"]) == (seed1, 0)
    twice = await _issue(stack, payment)
    assert (twice.status, twice["code"]) == (409, "CASH_RECEIPT_NOT_ALLOWED")
