"""The sandbox's data: one Account per secret key, held in memory and written through to the journal.

Rules change records and call `keep`; the door calls `commit` once, before it answers, so that the payment, the
idempotent reply and the webhooks of one request are stored together or not at all.
"""

from __future__ import annotations

import hashlib
from collections import deque
from datetime import datetime
from typing import Any

import msgspec

from paywon_sandbox import inferred
from paywon_sandbox.core.clock import Clock
from paywon_sandbox.core.deadlines import Deadlines
from paywon_sandbox.core.journal import Address, Journal, StateFileError
from paywon_sandbox.core.money import DECIMALS
from paywon_sandbox.core.past import Past
from paywon_sandbox.core.payouts import (
    AnyPayoutRecord,
    PayoutRecord,
    SellerRecord,
    SubmallPayoutRecord,
    SubmallRecord,
    next_step,
)
from paywon_sandbox.core.records import (
    AccountSettings,
    BillingAuth,
    BillingRecord,
    ClockState,
    Delivery,
    Fault,
    LedgerEntry,
    LoggedRequest,
    PaymentRecord,
    ReceiptRecord,
    StoredReply,
    Webhook,
)

REQUEST_LOG_LENGTH = 2000
FINISHED_DELIVERIES_KEPT = 2000
KINDS: dict[str, type[msgspec.Struct]] = {
    "payment": PaymentRecord,
    "reply": StoredReply,
    "webhook": Webhook,
    "delivery": Delivery,
    "clock": ClockState,
    "billing_auth": BillingAuth,
    "billing": BillingRecord,
    "receipt": ReceiptRecord,
    "settings": AccountSettings,
    "seller": SellerRecord,
    "submall": SubmallRecord,
    "payout": PayoutRecord,
    "submall_payout": SubmallPayoutRecord,
}
APPROVED = frozenset({"DONE", "CANCELED", "PARTIAL_CANCELED", "WAITING_FOR_DEPOSIT"})


class Account:
    """All data of one secret key."""

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self.key = key
        self._empty()

    def _empty(self) -> None:
        self.clock = Clock()
        self.payments: dict[str, PaymentRecord] = {}
        self.past = Past()
        self.orders: dict[str, tuple[str, ...]] = {}
        self.replies: dict[str, StoredReply] = {}
        self.running: set[str] = set()
        self.webhooks: dict[str, Webhook] = {}
        self.deliveries: dict[str, Delivery] = {}
        self.pending: dict[str, Delivery] = {}
        self.faults: dict[str, Fault] = {}
        self._counted_minute = 0
        self._counted: dict[str, int] = {}
        self.requests: deque[LoggedRequest] = deque(maxlen=REQUEST_LOG_LENGTH)
        self.billing_auths: dict[str, BillingAuth] = {}
        self.billings: dict[str, BillingRecord] = {}
        self.receipts: dict[str, ReceiptRecord] = {}
        self.settings = default_settings(self.key)
        # Every movement of every payment, oldest first.
        self.ledger: list[tuple[LedgerEntry, PaymentRecord]] = []
        self.sellers: dict[str, SellerRecord] = {}
        self.submalls: dict[str, SubmallRecord] = {}
        self.payouts: dict[str, AnyPayoutRecord] = {}
        # Of encrypted requests, each for one use.
        self.nonces: set[str] = set()
        self._deadlines = Deadlines()
        self._receipt_deadlines = Deadlines()
        self._payout_deadlines = Deadlines()

    def reset(self) -> None:
        """Forget everything of this key, on disk too."""
        for payment_key in self.payments:
            self._store.owners.pop(payment_key, None)
        self._store.forget(self.key)
        self._empty()

    def keep_payment(self, record: PaymentRecord) -> None:
        """Store a new or changed payment."""
        key = record.payment.payment_key
        self._store.touch(self, record)
        if key not in self.payments:
            self.payments[key] = record
            order_id = record.payment.order_id
            self.orders[order_id] = (*self.orders.get(order_id, ()), key)
            self._store.owners[key] = self
        for at in record.due_times():
            self._deadlines.put(at, key)
        self._store.change("payment", self.key, key, record)

    def book(self, record: PaymentRecord, entry: LedgerEntry) -> None:
        """Add a movement; the caller keeps the payment."""
        record.ledger += (entry,)
        self.ledger.append((entry, record))

    def next_number(self) -> int:
        """A number that grows with everything that happens, over restarts too."""
        return self._store.next_sequence()

    def is_another_keys(self, payment_key: str) -> bool:
        """Whether the payment was opened with another key of whomever."""
        return self._store.owners.get(payment_key, self) is not self

    def decimals_of(self, payment_key: str) -> int:
        """Digits after the point in the amounts of a payment; 0 when there is none of that key."""
        record = self.payments.get(payment_key)
        return DECIMALS[record.payment.currency] if record else 0

    def is_over(self, limit: int, what: str) -> bool:
        """Count a request of an endpoint or about a payment; whether it is one too many in this minute of the clock."""
        minute = int(self.clock.now().timestamp()) // 60
        if minute != self._counted_minute:
            self._counted_minute, self._counted = minute, {}
        self._counted[what] = self._counted.get(what, 0) + 1
        return self._counted[what] > limit

    def payment_of_order(self, order_id: str) -> PaymentRecord | None:
        """The approved attempt for an orderId, else the newest; None when there is none."""
        records = [self.payments[key] for key in self.orders.get(order_id, ())]
        if not records:
            return None
        approved = [record for record in records if record.payment.status in APPROVED]
        return (approved if approved and inferred.PREFER_APPROVED_ATTEMPT else records)[-1]

    def due(self, now: datetime) -> list[PaymentRecord]:
        """Payments whose deadline has passed, each once."""
        records = [self.payments[key] for key in self._deadlines.due(now)]
        return [record for record in records if any(at <= now for at in record.due_times())]

    def keep_billing_auth(self, auth: BillingAuth) -> None:
        """Store what an authKey stands for."""
        self.billing_auths[auth.auth_key] = auth
        self._store.change("billing_auth", self.key, auth.auth_key, auth)

    def drop_billing_auth(self, auth_key: str) -> None:
        """An authKey is used up."""
        del self.billing_auths[auth_key]
        self._store.change("billing_auth", self.key, auth_key, None)

    def keep_billing(self, record: BillingRecord) -> None:
        """Store a new or changed billing key."""
        self.billings[record.billing.billing_key] = record
        self._store.change("billing", self.key, record.billing.billing_key, record)

    def keep_receipt(self, record: ReceiptRecord) -> None:
        """Store a new or changed cash receipt."""
        self.receipts[record.receipt_key] = record
        if record.due_at is not None:
            self._receipt_deadlines.put(record.due_at, record.receipt_key)
        self._store.change("receipt", self.key, record.receipt_key, record)

    def due_receipts(self, now: datetime) -> list[ReceiptRecord]:
        """Cash receipts that the tax office answers by now."""
        records = (self.receipts[key] for key in self._receipt_deadlines.due(now))
        return [record for record in records if record.due_at is not None]

    def keep_seller(self, record: SellerRecord) -> None:
        """Store a new or changed seller."""
        self.sellers[record.seller.id] = record
        self._store.change("seller", self.key, record.seller.id, record)

    def keep_submall(self, record: SubmallRecord) -> None:
        """Store a new or changed sub-mall."""
        self.submalls[record.submall.sub_mall_id] = record
        self._store.change("submall", self.key, record.submall.sub_mall_id, record)

    def drop_submall(self, submall_id: str) -> None:
        """A sub-mall is gone."""
        del self.submalls[submall_id]
        self._store.change("submall", self.key, submall_id, None)

    def keep_payout(self, record: AnyPayoutRecord) -> None:
        """Store a new or changed payout."""
        self.payouts[record.id] = record
        if (at := next_step(record)) is not None:
            self._payout_deadlines.put(at, record.id)
        self._store.change(
            "payout" if isinstance(record, PayoutRecord) else "submall_payout", self.key, record.id, record
        )

    def due_payouts(self, now: datetime) -> list[AnyPayoutRecord]:
        """Payouts that the clock moves on by now."""
        records = (self.payouts[key] for key in self._payout_deadlines.due(now))
        return [record for record in records if (at := next_step(record)) is not None and at <= now]

    def keep_settings(self) -> None:
        """Store what was set for this key."""
        self._store.change("settings", self.key, "settings", self.settings)

    def keep_reply(self, key: str, reply: StoredReply) -> None:
        """Remember the first answer to an Idempotency-Key."""
        self.replies[key] = reply
        self._store.change("reply", self.key, key, reply)

    def reply(self, key: str) -> StoredReply | None:
        """The stored answer, unless its lifetime has passed."""
        found = self.replies.get(key)
        if found is None or found.expires_at > self.clock.now():
            return found
        del self.replies[key]
        self._store.change("reply", self.key, key, None)
        return None

    def keep_webhook(self, webhook: Webhook) -> None:
        """Store a registration."""
        self.webhooks[webhook.id] = webhook
        self._store.change("webhook", self.key, webhook.id, webhook)

    def drop_webhook(self, webhook_id: str) -> None:
        """Remove a registration; deliveries that are pending still go out."""
        del self.webhooks[webhook_id]
        self._store.change("webhook", self.key, webhook_id, None)

    def keep_delivery(self, delivery: Delivery) -> None:
        """Store a delivery; pending ones are what the sender works on."""
        self.deliveries[delivery.id] = delivery
        if delivery.state == "PENDING":
            self.pending[delivery.id] = delivery
        else:
            self.pending.pop(delivery.id, None)
            self._prune_deliveries()
        self._store.change("delivery", self.key, delivery.id, delivery)

    def _prune_deliveries(self) -> None:
        if len(self.deliveries) - len(self.pending) <= FINISHED_DELIVERIES_KEPT:
            return
        oldest = next(key for key in self.deliveries if key not in self.pending)
        del self.deliveries[oldest]
        self._store.change("delivery", self.key, oldest, None)

    def keep_clock(self) -> None:
        """Store how far the clock is off."""
        self._store.change("clock", self.key, "clock", self.clock.state)

    def restore(self, kind: str, record_id: str, record: msgspec.Struct) -> None:
        """Put back one record read from the journal."""
        plain = self._plain_tables().get(kind)
        if plain is not None:
            plain[record_id] = record
            return
        match record:
            case PaymentRecord():
                self.keep_payment(record)
                self.ledger += [(entry, record) for entry in record.ledger]
            case ReceiptRecord():
                self.keep_receipt(record)
            case PayoutRecord() | SubmallPayoutRecord():
                self.keep_payout(record)
            case AccountSettings():
                self.settings = record
            case Delivery():
                self.keep_delivery(record)
            case ClockState():
                self.clock = Clock(record)
            case _:
                raise ValueError(f"unknown record kind {kind}")

    def _plain_tables(self) -> dict[str, dict[str, Any]]:
        """Kinds that nothing else depends on."""
        return {
            "billing_auth": self.billing_auths,
            "billing": self.billings,
            "reply": self.replies,
            "webhook": self.webhooks,
            "seller": self.sellers,
            "submall": self.submalls,
        }


def default_settings(key: str) -> AccountSettings:
    """A security key that follows from the secret key, so that a test can know it without asking."""
    security_key = hashlib.sha256(f"security key of {key}".encode()).hexdigest()
    return AccountSettings(signature_key=inferred.SIGNATURE_KEY, security_keys=[security_key])


def _order(record: msgspec.Struct) -> tuple[int, float]:
    """Restoring order: payments as they were opened, deliveries as they arose."""
    if isinstance(record, PaymentRecord):
        return record.sequence, 0.0
    if isinstance(record, ReceiptRecord | SellerRecord | SubmallRecord | PayoutRecord | SubmallPayoutRecord):
        return record.number, 0.0
    return 0, record.created_at.timestamp() if isinstance(record, Delivery) else 0.0


def _highest_number(record: msgspec.Struct) -> int:
    if isinstance(record, PaymentRecord):
        return max(record.sequence, *(entry.number for entry in record.ledger), 0)
    return int(getattr(record, "number", 0))


class Store:
    """Every account, and the changes that the next commit writes."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._changed: dict[Address, msgspec.Struct | None] = {}
        self._touched: dict[str, tuple[Account, PaymentRecord, bool]] = {}
        self._encoder = msgspec.json.Encoder()
        self._sequence = 0
        self.accounts: dict[str, Account] = {}
        self.owners: dict[str, Account] = {}
        self._load()

    def _load(self) -> None:
        try:
            records = [
                (address, msgspec.json.decode(body, type=KINDS[address[0]])) for address, body in self._journal.load()
            ]
        except (KeyError, msgspec.MsgspecError) as problem:
            raise StateFileError(f"{type(problem).__name__}: {problem}") from problem
        records.sort(key=lambda item: _order(item[1]))
        for (kind, account, record_id), record in records:
            self.account(account).restore(kind, record_id, record)
            self._sequence = max(self._sequence, _highest_number(record))
        for known in self.accounts.values():
            known.ledger.sort(key=lambda item: item[0].number)
        self._changed.clear()
        self._touched.clear()

    def account(self, key: str) -> Account:
        """The account of a secret key, made on first use."""
        if key not in self.accounts:
            self.accounts[key] = Account(self, key)
        return self.accounts[key]

    def next_sequence(self) -> int:
        """A number that grows with every payment and movement, so that a restart keeps their order."""
        self._sequence += 1
        return self._sequence

    def change(self, kind: str, account: str, record_id: str, record: msgspec.Struct | None) -> None:
        """Note a record for the next commit; None deletes it."""
        if self._journal.active:
            self._changed[(kind, account, record_id)] = record

    def touch(self, account: Account, record: PaymentRecord) -> None:
        """Note a payment that may look different after the next commit."""
        key = record.payment.payment_key
        self._touched.setdefault(key, (account, record, key not in account.payments))

    def forget(self, account: str) -> None:
        """Delete every stored record of an account at the next commit."""
        for address, _ in list(self._journal.load()):
            if address[1] == account:
                self._changed[address] = None
        for address in list(self._changed):
            if address[1] == account:
                self._changed[address] = None

    def commit(self) -> None:
        """Write everything noted since the last commit, in one transaction.

        Raises sqlite3.Error where that fails, say for a full disk; the next commit tries it again.
        """
        for key, (account, record, is_new) in self._touched.items():
            if account.payments.get(key) is record:
                account.past.note(record, is_new=is_new)
        self._touched.clear()
        if not self._changed:
            return
        encoded = {
            address: None if record is None else self._encoder.encode(record)
            for address, record in self._changed.items()
        }
        self._journal.write(encoded)
        self._changed.clear()

    def close(self) -> None:
        """Write what is left and close the file."""
        self.commit()
        self._journal.close()
