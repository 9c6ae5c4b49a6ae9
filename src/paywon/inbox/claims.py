"""What a webhook claims, what a read of Toss or our books show, and whether the one says more than the other. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from paywon.base.ids import PaymentKey
from paywon.payments.model import ALLOWED_MOVES, APPROVED, OVER_WITHOUT_MONEY, UNPAID, PaymentStatus

_S = PaymentStatus
_NO_MONEY: Final = UNPAID | OVER_WITHOUT_MONEY
# A deposit comes, is taken back by the bank and comes again: here the status alone does not tell which is newer.
_BACK_AND_FORTH: Final = frozenset(
    {(_S.WAITING_FOR_DEPOSIT, _S.DONE), (_S.DONE, _S.WAITING_FOR_DEPOSIT), (_S.DONE, _S.EXPIRED)}
)
# A cancel that Toss lists so is over; before that it is under way.
_OVER: Final = frozenset({"DONE", "ABORTED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a webhook's body claims, None where it claims nothing; kept with the event, for its body is redacted.

    ``transaction_key`` is that of the transition that it tells of; ``cancels`` holds the status of each cancel by its
    transactionKey; ``at`` is when it happened, by Toss's clock.
    """

    status: str | None = None
    payment_key: PaymentKey | None = None
    transaction_key: str | None = None
    balance_krw: int | None = None
    cancels: dict[str, str] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a read, or our books, show of a payment.

    ``earlier`` holds the keys of transitions that we had seen before this one; ``told_at`` is when the newest of them
    happened, as far as a webhook told, by Toss's clock as ``requested_at`` and ``approved_at`` are.
    """

    payment_key: PaymentKey | None
    status: PaymentStatus
    balance_krw: int | None = None
    transaction_key: str | None = None
    cancels: Mapping[str, str] = field(default_factory=dict)
    is_account: bool = False
    requested_at: datetime | None = None
    approved_at: datetime | None = None
    earlier: frozenset[str] = frozenset()
    told_at: datetime | None = None


def claims_money(claim: Claim) -> bool:
    """Whether a claim is about money that was taken, is awaited or went back."""
    status = _status(claim)
    return bool(claim.cancels) or (status is not None and status not in _NO_MONEY)


def claims_more(claim: Claim, shown: Shown) -> bool:
    """Whether a webhook claims something that is not shown: then what is shown does not answer it.

    What comes late, and claims less than is shown by then, is answered.
    """
    if claim.payment_key not in (None, shown.payment_key):
        return claims_money(claim)
    return _is_further(claim, shown) or _has_newer_cancel(claim, shown) or _has_lower_balance(claim, shown)


def says_the_same(claim: Claim, shown: Shown) -> bool:
    """Whether a webhook tells of the very transition that is shown, by its key, and of nothing else."""
    if claims_more(claim, shown):
        return False
    if claim.status is None and claim.transaction_key is None:
        return bool(claim.cancels)
    same_key = claim.transaction_key is not None and claim.transaction_key == shown.transaction_key
    return same_key and claim.status == shown.status


def _status(claim: Claim) -> PaymentStatus | None:
    return PaymentStatus.__members__.get(claim.status or "")


def _is_further(claim: Claim, shown: Shown) -> bool:
    status = _status(claim)
    if status is None:
        return _has_new_key(claim, shown)
    if status is shown.status:
        return status not in _NO_MONEY and _has_new_key(claim, shown)
    if status not in ALLOWED_MOVES[shown.status]:
        return False
    if (shown.status, status) in _BACK_AND_FORTH:
        return _is_newer_turn(claim, shown)
    return True


def _is_newer_turn(claim: Claim, shown: Shown) -> bool:
    """Whether a deposit came, or went back, after what is shown: by the keys that we have seen, else by the time."""
    if shown.status is _S.DONE and _status(claim) is _S.EXPIRED and not shown.is_account:
        return False
    return claim.transaction_key not in shown.earlier and not _is_older(claim, shown) and not _is_issue(claim, shown)


def _has_new_key(claim: Claim, shown: Shown) -> bool:
    key = claim.transaction_key
    known = {None, shown.transaction_key, *shown.earlier, *shown.cancels}
    return key not in known and not _is_older(claim, shown)


def _is_older(claim: Claim, shown: Shown) -> bool:
    """Whether what is claimed happened before what is shown. Toss dates payments to the second, webhooks finer."""
    return claim.at is not None and any(
        then is not None and claim.at < then for then in (shown.approved_at, shown.told_at)
    )


def _is_issue(claim: Claim, shown: Shown) -> bool:
    """Whether a claim that a deposit is awaited tells of the account's issue, and not of a deposit that went back."""
    if _status(claim) is not _S.WAITING_FOR_DEPOSIT or claim.at is None or shown.requested_at is None:
        return False
    return claim.at.replace(microsecond=0) <= shown.requested_at


def _has_newer_cancel(claim: Claim, shown: Shown) -> bool:
    return any(
        key not in shown.cancels or (status in _OVER and status != shown.cancels[key])
        for key, status in claim.cancels.items()
    )


def _has_lower_balance(claim: Claim, shown: Shown) -> bool:
    if claim.balance_krw is None or _status(claim) not in APPROVED | {_S.CANCELED}:
        return False
    return shown.balance_krw is None or claim.balance_krw < shown.balance_krw
