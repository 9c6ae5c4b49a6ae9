"""What a webhook asks for: when Toss is looked at, how often, and under which keys."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from paywon.base.ids import OrderNo, PaymentKey, WebhookEventId, new_uuid
from paywon.inbox.model import (
    ABOUT_PAYMENTS,
    APART,
    Budget,
    Hint,
    Look,
    Timing,
    WebhookStatus,
    WebhookVerdict,
    after_hearing,
    after_silence,
    first_status,
    keys_to_look_under,
)

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
LOOK = Look(order_no=OrderNo("ORD-1"), waiting=1, hinted_at=NOW, not_before=NOW, patient_until=NOW)
KNOWN, OTHER, STRANGE, STRANGER = (PaymentKey(name) for name in ("known", "other", "strange", "stranger"))


def _after(look: Look, timing: Timing) -> Look:
    return replace(look, **asdict(timing))


@pytest.mark.parametrize("proven", [False, True])
@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("verdict", WebhookVerdict)
@pytest.mark.parametrize("event_type", [*sorted(ABOUT_PAYMENTS), "BILLING_DELETED", "payout.changed", "made.up"])
def test_only_what_is_about_an_order_of_ours_asks_for_a_look(
    event_type: str, verdict: WebhookVerdict, ours: bool, proven: bool
) -> None:
    status, reason = first_status(event_type, verdict, ours=ours, proven=proven)
    about = event_type in ABOUT_PAYMENTS
    assert (status is WebhookStatus.REJECTED) is (verdict is WebhookVerdict.REJECTED)
    assert (status is WebhookStatus.RECEIVED) is (about and ours and verdict is not WebhookVerdict.REJECTED)
    # A person is asked only about what nobody can have made up.
    assert status is not WebhookStatus.PARKED or (proven and not ours)
    assert bool(reason) is (status in (WebhookStatus.IGNORED, WebhookStatus.PARKED))


def test_hints_that_prove_empty_are_believed_ever_more_slowly_and_for_a_minute_at_most() -> None:
    look, now, times = LOOK, NOW, [NOW]
    for _ in range(12):
        look = _after(look, after_hearing(look, now, taught=False))
        now = look.patient_until
        times.append(now)
    apart = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    assert apart == [2, 4, 8, 16, 32, 64, 64, 64, 64, 64, 64, 64]


def test_a_hint_that_taught_something_has_the_next_believed_at_once() -> None:
    tired = replace(LOOK, idle=6, unheard=2)
    timing = after_hearing(tired, NOW, taught=True)
    assert (timing.patient_until, timing.idle, timing.unheard) == (NOW + APART, 0, 0)


def test_a_proven_one_waits_a_second_however_many_were_empty() -> None:
    tired = replace(LOOK, proven_at=NOW, idle=6)
    assert after_hearing(tired, NOW, taught=False).not_before == NOW + APART


def test_a_silent_toss_is_asked_again_after_ever_longer_for_four_and_a_half_hours() -> None:
    look, waits = LOOK, []
    while (timing := after_silence(look, NOW)) is not None:
        assert timing.patient_until == timing.not_before, "proven or not: Toss is the same"
        waits.append((timing.not_before - NOW).total_seconds())
        look = _after(look, timing)
    assert waits[:7] == [1, 5, 15, 60, 300, 900, 900]
    assert 4.5 * 3600 < sum(waits) < 5 * 3600


def test_a_budget_is_of_its_minute_and_begins_anew_in_the_next() -> None:
    budget = Budget(minute=NOW, granted=0)
    budget, given = budget.grant(NOW + timedelta(seconds=3), 4, per_minute=5)
    assert given == 4
    budget, given = budget.grant(NOW + timedelta(seconds=59), 4, per_minute=5)
    assert given == 1
    assert budget.grant(NOW + timedelta(seconds=59), 4, per_minute=5)[1] == 0
    behind, given = budget.grant(NOW - timedelta(minutes=5), 4, per_minute=5)
    assert (behind, given) == (budget, 0), "a clock that is behind opens no minute anew"
    later, given = budget.grant(NOW + timedelta(seconds=60), 4, per_minute=5)
    assert (later, given) == (Budget(minute=NOW + timedelta(minutes=1), granted=4), 4)
    assert budget.grant(NOW, 400, per_minute=0)[1] == 400


def _hint(key: PaymentKey | None, *, proven: bool = False) -> Hint:
    return Hint(id=WebhookEventId(new_uuid()), payment_key=key, proven=proven, received_at=NOW, look_at=NOW)


@pytest.mark.parametrize(
    ("hints", "keys"),
    [
        ([_hint(KNOWN)], [KNOWN]),
        ([_hint(None)], [None]),
        ([_hint(STRANGE)], [STRANGE]),
        ([_hint(None), _hint(STRANGE)], [None, STRANGE]),
        ([_hint(None), _hint(KNOWN), _hint(STRANGE)], [KNOWN, STRANGE]),
        ([_hint(KNOWN), _hint(KNOWN), _hint(OTHER)], [KNOWN]),
        ([_hint(STRANGE), _hint(STRANGER)], [STRANGE]),
        ([_hint(STRANGE), _hint(STRANGER, proven=True)], [STRANGER]),
        ([_hint(PaymentKey(f"made-up-{n}")) for n in range(99)], [PaymentKey("made-up-0")]),
    ],
)
def test_a_look_is_made_under_one_key_of_ours_and_one_that_is_not(
    hints: list[Hint], keys: list[PaymentKey | None]
) -> None:
    assert keys_to_look_under(hints, [KNOWN, OTHER]) == keys
