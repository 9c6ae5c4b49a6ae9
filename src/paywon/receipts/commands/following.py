"""Follows receipts at the tax office: Toss tells nobody when it has answered, but its list of the day shows it."""

from collections import defaultdict
from datetime import date
from typing import Final

import structlog

from paywon.orders import store as orders
from paywon.payments import store as payments
from paywon.payments.commands.cashier import Cashier, Origin
from paywon.payments.commands.listing import ListsOnRecord
from paywon.receipts import store
from paywon.receipts.commands.settling import learn
from paywon.receipts.model import FOLLOW, Receipt, day_of_request
from paywon.toss import wire
from paywon.toss.body import Lost
from paywon.toss.paging import PageNotRead, all_cash_receipts

_log = structlog.get_logger()
_ORIGIN: Final = Origin(actor="system:receipts")


async def look_at_due(cashier: Cashier, *, limit: int = 500) -> int:
    """Look up the receipts whose time has come, by one list for each day of theirs; answer how many."""
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        due = await store.claim_to_look_at(conn, now, lease_until=now + cashier.lease, limit=limit)
    by_day: defaultdict[date, list[Receipt]] = defaultdict(list)
    for receipt in due:
        by_day[day_of_request(receipt)].append(receipt)
    for day, receipts in by_day.items():
        await _look(cashier, day, receipts)
    return len(due)


async def _look(cashier: Cashier, day: date, receipts: list[Receipt]) -> None:
    missing = {receipt.receipt_key: receipt for receipt in receipts}
    unread: list[Lost] = []
    try:
        async for shown in all_cash_receipts(ListsOnRecord(cashier=cashier, origin=_ORIGIN), day, unread=unread):
            if (receipt := missing.pop(shown.receipt_key, None)) is not None:
                await _learn(cashier, receipt, shown)
    except PageNotRead as error:
        # Their claim runs out, and they are looked at again.
        _log.warning("a list of cash receipts was not read", day=day.isoformat(), error=str(error))
        return
    if unread:
        _log.warning("rows of a list of cash receipts could not be read", day=day.isoformat(), first=str(unread[0]))
    for receipt in missing.values():
        _log.warning("Toss does not list a cash receipt of ours", receipt=str(receipt.id), day=day.isoformat())
        await _put_off(cashier, receipt)


async def _learn(cashier: Cashier, receipt: Receipt, shown: wire.CashReceipt) -> None:
    async with cashier.db.transaction() as conn:
        # The order first: what is told of it stands in the order in which it came about.
        payment = await payments.by_id(conn, receipt.payment_id)
        assert payment is not None, "a receipt has its payment (foreign key)"
        await orders.lock_by_no(conn, payment.order_no)
        await learn(conn, await store.lock(conn, receipt.id), shown, now=cashier.clock.now())


async def _put_off(cashier: Cashier, receipt: Receipt) -> None:
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        await store.update(conn, receipt.id, now, look_again_at=now + FOLLOW)
