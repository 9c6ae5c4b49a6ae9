"""Of a card's number nothing but its last four signs is kept, or shown, whichever way Toss's answer came."""

import re
from typing import Any

from tests.field.conftest import Shop

# A digit, or more, before the last four signs of what gateways show of a card.
MORE = re.compile(r"[0-9][ -]?\*([ -]?[0-9*]){3}|\*([ -]?[0-9]){5}")
COPIES = {
    "payments": "raw_response",
    "payment_transactions": "response_data",
    "webhook_events": "body",
    "billing_keys": "card_meta",
}


async def _copies(shop: Shop) -> dict[str, str]:
    found = {}
    for table, column in COPIES.items():
        rows = await shop.stack.rows(f"SELECT {column}::text AS copy FROM {table}")  # noqa: S608 - names of ours
        found[table] = " ".join(row["copy"] or "" for row in rows)
    return found


async def test_a_cards_number_is_kept_and_shown_by_its_last_four(shop: Shop) -> None:
    payment = await shop.paid()
    shown: dict[str, Any] = await shop.at_toss(payment["paymentKey"])
    last = shown["card"]["number"][-4:]
    auth = await shop.stack.toss.post("/sandbox/billing-auth", {"customerKey": "customer-1"})
    key = {"authKey": auth["authKey"], "customerKey": "customer-1"}
    issued = await shop.api.post("/api/payments/toss/billing/issue", key)
    await shop.stack.eventually(shop.stack.webhooks_are_in)
    for table, text in (await _copies(shop)).items():
        assert '"number": "************' in text, table
        assert not MORE.search(text), table
    assert payment["rawResponse"]["card"]["number"] == f"************{last}"
    assert re.fullmatch(r"\*{12}.{4}", issued["billingKey"]["cardMeta"]["number"])
    trail = await shop.api.get(f"/payments/{payment['id']}/transactions")
    assert f"************{last}" in str(trail.body) and not MORE.search(str(trail.body))
    listed = await shop.api.get("/payments?userId=u-1")
    assert listed["payments"][0]["cardLastFourDigits"] == last
