"""Whether a webhook claims more than is shown: from Toss's recorded bodies, and over every pair of states."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from paywon.base.clock import KST
from paywon.base.ids import PaymentKey
from paywon.inbox.claims import Claim, Shown, claims_more, says_the_same
from paywon.inbox.facts import claim_of, shown_by_toss
from paywon.payments.model import ALLOWED_MOVES, OVER_WITHOUT_MONEY, UNPAID, PaymentStatus
from paywon.toss.webhooks import parse_webhook
from paywon.toss.wire import decode_payment

_FIXTURES = Path(__file__).parents[2] / "fixtures" / "toss"
S = PaymentStatus
CARD, ACCOUNT = PaymentKey("card"), PaymentKey("account")
PAID_AT = datetime(2026, 11, 28, 12, 0, 0, tzinfo=KST)
MONEY = [status for status in S if status not in UNPAID | OVER_WITHOUT_MONEY]


def _claim(name: str) -> Claim:
    document = msgspec.json.decode((_FIXTURES / f"webhook-{name}.json").read_bytes())
    return replace(claim_of(parse_webhook(msgspec.json.encode(document["body"]))), payment_key=None)


def _shown(name: str, *, earlier: tuple[str, ...] = ()) -> Shown:
    shown = shown_by_toss(decode_payment((_FIXTURES / f"payment-{name}.json").read_bytes()), earlier=earlier)
    assert shown is not None
    return shown


ISSUED, DEPOSITED = _shown("virtual-account-waiting"), _shown("virtual-account-done")
REVERSED = replace(ISSUED, transaction_key="7A1B2C3D4E5F60718293A4B5C6D7E8F9", earlier=frozenset({"3B9C"}))


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("payment-status-changed-done", _shown("in-progress")),
        ("payment-status-changed-canceled", _shown("card-done")),
        ("payment-status-changed-partial-canceled", _shown("card-done-tax-free")),
        ("payment-status-changed-aborted", _shown("in-progress")),
        ("payment-status-changed-expired", _shown("ready-checkout-created")),
        ("payment-status-changed-virtual-account-done", ISSUED),
        ("deposit-callback-done", ISSUED),
        ("deposit-callback-canceled", DEPOSITED),
        ("deposit-callback-canceled", ISSUED),
        ("deposit-callback-reversed", DEPOSITED),
        ("cancel-status-changed-done", _shown("card-done")),
        ("cancel-status-changed-aborted", _shown("card-done")),
    ],
)
def test_what_a_read_does_not_show_yet_is_claimed_more(told: str, shown: Shown) -> None:
    assert claims_more(_claim(told), shown)
    assert not says_the_same(_claim(told), shown)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("payment-status-changed-done", _shown("card-done")),
        ("payment-status-changed-canceled", _shown("card-canceled-full")),
        ("payment-status-changed-partial-canceled", _shown("card-partial-canceled-twice")),
        ("payment-status-changed-aborted", _shown("aborted")),
        ("payment-status-changed-virtual-account-done", DEPOSITED),
        ("deposit-callback-issued", ISSUED),
        ("deposit-callback-done", DEPOSITED),
        ("deposit-callback-canceled", _shown("virtual-account-canceled-after-deposit")),
        ("cancel-status-changed-done", _shown("card-canceled-full")),
        ("deposit-callback-reversed", REVERSED),
    ],
)
def test_what_a_read_shows_is_claimed_no_more(told: str, shown: Shown) -> None:
    assert not claims_more(_claim(told), shown)
    assert says_the_same(_claim(told), shown)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("payment-status-changed-done", _shown("card-canceled-full")),
        ("payment-status-changed-partial-canceled", _shown("card-partial-then-rest-canceled")),
        ("payment-status-changed-aborted", _shown("card-done")),
        ("payment-status-changed-expired", _shown("card-done")),
        ("deposit-callback-issued", DEPOSITED),  # the issue itself, by its time
        ("deposit-callback-issued", _shown("virtual-account-done", earlier=("9FF15E1A29D0E77C218F57262BFA4986",))),
        ("deposit-callback-done", _shown("virtual-account-canceled-after-deposit")),
        # A deposit told late, after the bank took it back: its key was shown before, or a webhook dates the other.
        ("deposit-callback-done", replace(REVERSED, earlier=frozenset({"3B9C0F1E7D6A4C5B8E2F90A1B2C3D4E5"}))),
        ("deposit-callback-done", replace(REVERSED, told_at=datetime(2022, 1, 4, 10, 13, 2, tzinfo=KST))),
    ],
)
def test_what_comes_late_and_claims_less_is_claimed_no_more(told: str, shown: Shown) -> None:
    assert not claims_more(_claim(told), shown)


@pytest.mark.parametrize("shown", S)
@pytest.mark.parametrize("told", S)
def test_every_status_is_more_than_those_that_it_may_follow_and_no_others(told: S, shown: S) -> None:
    claim = Claim(status=told, payment_key=CARD)
    never = {(S.DONE, S.EXPIRED)}  # of a card
    further = told in ALLOWED_MOVES[shown] and (shown, told) not in never
    assert claims_more(claim, Shown(payment_key=CARD, status=shown)) is further


@pytest.mark.parametrize("status", MONEY)
def test_another_transaction_of_the_same_status_is_more(status: S) -> None:
    shown = Shown(payment_key=CARD, status=status, transaction_key="t2", earlier=frozenset({"t1"}), approved_at=PAID_AT)
    later = Claim(status=status, transaction_key="t3", at=PAID_AT + timedelta(seconds=5))
    assert claims_more(later, shown)
    assert claims_more(replace(later, at=None), shown), "and where nothing tells its time"
    assert not claims_more(replace(later, transaction_key="t1"), shown)
    assert not claims_more(replace(later, transaction_key="t2"), shown)
    assert not claims_more(replace(later, at=PAID_AT - timedelta(seconds=5)), shown)


def test_a_lower_balance_or_an_unknown_cancel_is_more() -> None:
    shown = Shown(payment_key=CARD, status=S.PARTIAL_CANCELED, balance_krw=600, transaction_key="c1")
    shown = replace(shown, cancels={"c1": "IN_PROGRESS"})
    claim = Claim(status="PARTIAL_CANCELED", transaction_key="c1", balance_krw=600, cancels={"c1": "IN_PROGRESS"})
    assert not claims_more(claim, shown)
    for changes in (
        {"balance_krw": 500},
        {"cancels": {"c1": "DONE"}},
        {"cancels": {"c1": "ABORTED"}},
        {"cancels": {"c2": "DONE"}},
    ):
        changed: dict[str, Any] = changes
        assert claims_more(replace(claim, **changed), shown), changes
    assert not claims_more(replace(claim, cancels={"c1": "IN_PROGRESS"}), replace(shown, cancels={"c1": "DONE"}))


@pytest.mark.parametrize("status", S)
def test_money_under_another_payment_key_is_more_and_no_money_is_not(status: S) -> None:
    shown = Shown(payment_key=CARD, status=S.CANCELED, balance_krw=0)
    assert claims_more(Claim(status=status, payment_key=ACCOUNT), shown) is (status in MONEY)


def test_what_a_sender_makes_up_is_kept_only_as_far_as_it_names_something() -> None:
    card = "4111 1111 1111 1111"
    body: dict[str, Any] = {
        "eventType": "PAYMENT_STATUS_CHANGED",
        "data": {
            "orderId": "ORD-1",
            "status": "홍길동",
            "balanceAmount": 4_111_111_111_111_111,
            "lastTransactionKey": card,
            "cancels": [
                7,
                {"transactionKey": card},
                {"transactionKey": "c1", "cancelStatus": card},
                {"transactionKey": 5},
            ],
        },
    }
    assert claim_of(parse_webhook(msgspec.json.encode(body))) == Claim(cancels={"c1": "DONE"})
