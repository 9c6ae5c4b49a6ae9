"""What stays of a document when its person is forgotten, and what was done. Pure."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from paywon.base.ids import OrderId, UserId
from paywon.base.sealing import KeyRing

# What stands where somebody wrote something about a person and the column wants a text.
FORGOTTEN: Final = "(forgotten)"
_PURPOSE: Final = "privacy"

# Names of Toss's and of our questions that the books are kept by: keys, amounts, statuses, times, kinds. What is not
# here goes, so a name that is new to us goes too. A name may hold a document, of which the same is true.
_KEPT_NAMES: Final = """
    mId version type status method orderId paymentKey lastTransactionKey transactionKey receiptKey currency country
    path code message startDate endDate requestDate startingAfter limit page size cursor dateType
    amount totalAmount balanceAmount suppliedAmount vat taxFreeAmount taxExemptionAmount cancelAmount refundableAmount
    discountAmount cardDiscountAmount easyPayDiscountAmount transferDiscountAmount
    requestedAt approvedAt canceledAt createdAt dueDate cancelStatus issueStatus transactionType settlementStatus
    refundStatus acquireStatus accountType expired validHours isPartialCancelable useEscrow cultureExpense
    issuerCode acquirerCode issuerName acquirerName bankCode bank cardType ownerType installmentPlanMonths
    isInterestFree interestPayer useCardPoint provider eventType webhookId verdict omitted
    card easyPay virtualAccount transfer mobilePhone giftCertificate cancels cashReceipt cashReceipts discount failure
    data entityBody payment
    """
_KEPT: Final = frozenset(_KEPT_NAMES.split())


def books_of(document: Any) -> Any:
    """Copy of a document what the books need."""
    if isinstance(document, Mapping):
        return {name: books_of(item) for name, item in document.items() if name in _KEPT}
    if isinstance(document, list):
        return [books_of(item) for item in document]
    return document


def pseudonym_of(ring: KeyRing, user_id: UserId) -> UserId:
    """Name a forgotten user: the same name each time, and without the ring nobody can tell whose it was."""
    return UserId(f"forgotten-{ring.digest(user_id, purpose=_PURPOSE).hex()[:24]}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user and the name that stands for them afterwards."""

    user_id: UserId
    pseudonym: UserId

    @property
    def names(self) -> list[str]:
        """Under what their rows are found: some may have been forgotten before."""
        return [self.user_id, self.pseudonym]


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Why a person cannot be forgotten yet: something of theirs is still going on."""

    what: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One row of ``privacy_acts``; ``rows`` are changed rows by table."""

    id: UUID
    pseudonym: str
    operator: str
    started_at: datetime
    finished_at: datetime | None = None
    rows: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """A closed attempt without its person, and its digest before and after."""

    row_id: UUID
    before: bytes
    after: bytes


def erasure_digest(erased: Iterable[Erased]) -> str:
    """Digest what was erased together, as PostgreSQL's ``erasure_digest`` does."""
    rows = sorted(erased, key=lambda one: one.row_id)
    return hashlib.sha256(b"".join(one.row_id.bytes + one.before + one.after for one in rows)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What forgetting came to, or would. ``act`` is None where nothing was done."""

    known: bool
    pseudonym: str
    orders: list[OrderId] = field(default_factory=list)
    under_way: list[UnderWay] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)
    act: Act | None = None
