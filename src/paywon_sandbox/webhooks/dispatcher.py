"""The sender: takes pending deliveries when they are due and posts them, beside the API and never in its way."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

from paywon_sandbox import inferred
from paywon_sandbox.core import ids
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.records import Attempt, Delivery, Fault
from paywon_sandbox.core.store import Account, Store
from paywon_sandbox.rules.centre import signature
from paywon_sandbox.rules.expiry import sweep
from paywon_sandbox.settings import WEBHOOK_RETRY_MINUTES, Settings
from paywon_sandbox.webhooks.events import SIGNED
from paywon_sandbox.webhooks.faults import mangled_event, take_webhook_fault

if TYPE_CHECKING:
    import aiohttp

REORDER_WAIT_S = 5.0


class Dispatcher:
    """One background task for all accounts; it also lets payments expire when nobody asks."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._wake = asyncio.Event()
        self._in_flight: dict[str, asyncio.Task[None]] = {}
        self._per_receiver: dict[str, int] = {}
        self._held: dict[str, list[asyncio.Event]] = {}
        self._loop_task: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Begin sending."""
        self._loop_task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop at once; what was in flight stays pending and goes out after a restart."""
        tasks = [task for task in (self._loop_task, *self._in_flight.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _client(self) -> aiohttp.ClientSession:
        """Made for the first webhook: who receives none does without the 10 MB of the import."""
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._settings.webhook_timeout_s),
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
            )
        return self._session

    def wake(self) -> None:
        """Look for due deliveries now."""
        self._wake.set()

    async def _run(self) -> None:
        while True:
            for account in list(self._store.accounts.values()):
                sweep(account)
                self._start_due(account)
            self._commit()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._settings.tick_s)
            self._wake.clear()

    def _start_due(self, account: Account) -> None:
        if not account.pending:
            return
        now = account.clock.now()
        for delivery in list(account.pending.values()):
            busy = self._per_receiver.get(delivery.webhook_id, 0) >= self._settings.webhook_parallel_sends
            if delivery.scheduled_at > now or delivery.id in self._in_flight or busy:
                continue
            self._per_receiver[delivery.webhook_id] = self._per_receiver.get(delivery.webhook_id, 0) + 1
            self._in_flight[delivery.id] = asyncio.create_task(self._deliver(account, delivery))

    async def _deliver(self, account: Account, delivery: Delivery) -> None:
        try:
            await self._send_with_fault(account, delivery, take_webhook_fault(account, delivery))
        finally:
            del self._in_flight[delivery.id]
            self._per_receiver[delivery.webhook_id] -= 1
            self._wake.set()

    async def _send_with_fault(self, account: Account, delivery: Delivery, fault: Fault | None) -> None:
        kind = fault.kind if fault else None
        if kind == "lose":
            self._settle_as(account, delivery, "LOST")
            return
        if fault is not None and kind == "mangle":
            delivery.body = mangled_event(delivery.body, fault)
        if fault is not None and kind == "delay":
            await asyncio.sleep(fault.delay_ms / 1000)
        if fault is not None and kind == "reorder":
            await self._wait_for_another(delivery, fault)
        if kind == "double":
            first, _ = await asyncio.gather(self._post(account, delivery), self._post(account, delivery))
        else:
            first = await self._post(account, delivery)
        self._settle(account, delivery, first)
        if kind != "reorder":
            self._release_held(delivery.webhook_id)

    async def _wait_for_another(self, delivery: Delivery, fault: Fault) -> None:
        event = asyncio.Event()
        self._held.setdefault(delivery.webhook_id, []).append(event)
        wait_s = fault.delay_ms / 1000 if fault.delay_ms else REORDER_WAIT_S
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), wait_s)

    def _release_held(self, webhook_id: str) -> None:
        for event in self._held.pop(webhook_id, []):
            event.set()

    async def _post(self, account: Account, delivery: Delivery) -> Attempt:
        """One transmission; its time belongs to it, not to the event (toss/webhooks.md)."""
        at = account.clock.now()
        if delivery.attempts and not inferred.SAME_TRANSMISSION_ID_ON_RETRY:
            delivery.transmission_id = ids.transmission_id()
        time, body = toss_instant(at), delivery.body.encode()
        headers = {
            "content-type": "application/json",
            "tosspayments-webhook-transmission-time": time,
            "tosspayments-webhook-transmission-retried-count": str(delivery.retried_count),
            "tosspayments-webhook-transmission-id": delivery.transmission_id,
        }
        if delivery.event_type in SIGNED:
            headers["tosspayments-webhook-signature"] = signature(account, body, time)
        import aiohttp

        try:
            async with self._client().post(delivery.url, data=body, headers=headers, allow_redirects=False) as reply:
                return Attempt(at=at, status=reply.status, error=None)
        except TimeoutError:
            return Attempt(at=at, status=None, error=f"no answer within {self._settings.webhook_timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            return Attempt(at=at, status=None, error=f"{type(problem).__name__}: {problem}"[:200])

    def _settle(self, account: Account, delivery: Delivery, attempt: Attempt) -> None:
        """Success is exactly 200; a failure goes up the retry ladder (toss/webhooks.md "Retry schedule")."""
        delivery.attempts.append(attempt)
        if attempt.status == 200:
            self._settle_as(account, delivery, "DELIVERED")
        elif delivery.retried_count >= len(WEBHOOK_RETRY_MINUTES):
            self._settle_as(account, delivery, "FAILED")
        else:
            delivery.scheduled_at += timedelta(minutes=WEBHOOK_RETRY_MINUTES[delivery.retried_count])
            delivery.retried_count += 1
            self._settle_as(account, delivery, "PENDING")

    def _settle_as(self, account: Account, delivery: Delivery, state: str) -> None:
        """A reset in the meantime wins: what it forgot is not brought back."""
        if account.deliveries.get(delivery.id) is not delivery:
            return
        delivery.state = state
        account.keep_delivery(delivery)
        self._commit()

    def _commit(self) -> None:
        """A full disk does not end the sender; what was not written is written with the next commit."""
        with contextlib.suppress(sqlite3.Error):
            self._store.commit()
