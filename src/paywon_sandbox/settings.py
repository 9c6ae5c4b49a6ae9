"""Numbers and addresses that the sandbox runs with, and Toss's published limits."""

from __future__ import annotations

from datetime import timedelta, timezone
from pathlib import Path

import msgspec

# Korea has had no summer time since 1988; a fixed offset is several times faster than the zone's table.
KST = timezone(timedelta(hours=9), "KST")
API_VERSION = "2022-11-16"
MERCHANT_ID = "tosspayments"

AUTHENTICATION_WINDOW = timedelta(minutes=30)  # toss/api.md 2 [2src]
CONFIRM_WINDOW = timedelta(minutes=10)  # toss/api.md 2 [2src]
IDEMPOTENCY_LIFETIME = timedelta(days=15)  # toss/api.md 1.2 [2src]
IDEMPOTENCY_KEY_MAX_LENGTH = 300  # toss/api.md 1.2 [2src]
VIRTUAL_ACCOUNT_LIFETIME = timedelta(hours=168)  # toss/api.md 6, default of validHours

VIRTUAL_ACCOUNT_MAX_HOURS = 2160  # toss/api.md 6
VIRTUAL_ACCOUNT_MAX_LIFETIME = timedelta(days=90)  # toss/api.md 6, dueDate
REFUND_ACCOUNT_SHOWN = timedelta(minutes=30)  # toss/api.md 4
REFUND_TIME = timedelta(days=2)  # toss/api.md 5.4 "about two days later" [1src]
WALLET_TIME = timedelta(minutes=10)  # toss/api.md 14 "within about 10 min" [1src]
TAX_OFFICE_TIME = timedelta(days=1)  # toss/api.md 10 "in 1-2 days"
SECURITY_KEY_OVERLAP = timedelta(days=7)  # toss/api.md 13

MAX_PAYOUTS = 100  # toss/api.md 13, in one request
LONGEST_PAYOUT_SCHEDULE = timedelta(days=365)  # toss/api.md 13 "business day ≤1 year"
PARTIALLY_APPROVED_WEEKLY_KRW = 10_000_000  # toss/api.md 13
EXPRESS_HOURS = (8, 15)  # toss/api.md 13 "weekdays about 08:00-15:00 KST"

MINIMUM_CARD_KRW = 100  # toss/api.md 5.2 [1src]
MINIMUM_ACCOUNT_KRW = 200  # toss/api.md 5.2 [1src]
MAXIMUM_PHONE_KRW = 1_000_000  # the text of EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT; here of one payment, not of a month
MAXIMUM_TRANSFER_KRW = 10_000_000  # toss/api.md 5.2 [1src]
MINIMUM_INSTALLMENT_KRW = 50_000  # toss/api.md 5.5

WEBHOOK_RETRY_MINUTES = (1, 4, 16, 64, 256, 1024, 4096)  # toss/webhooks.md "Retry schedule" [2src]

MAX_BODY_BYTES = 1_000_000
# A body up to this size is read to its end, so that the client is there to hear the refusal.
MAX_DRAINED_BYTES = 20_000_000


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How one sandbox process is run; times in seconds."""

    host: str = "127.0.0.1"
    port: int = 3900
    public_url: str = "http://localhost:3900"
    # Names beside localhost and that of public_url under which the control door and the pages may be reached.
    allowed_hosts: tuple[str, ...] = ()
    state_path: Path | None = None
    webhook_timeout_s: float = 10.0  # toss/webhooks.md "Transport" [2src]
    webhook_parallel_sends: int = 16
    tick_s: float = 0.25
