"""The ladder, when an endpoint is given up, and what a try came to."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from paywon.events.model import (
    GIVEN_UP_AFTER,
    LADDER,
    LEASE,
    STUMBLES,
    TIMEOUT_S,
    Outcome,
    Trouble,
    is_given_up,
    new_secret,
    next_try,
)

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def test_the_ladder() -> None:
    seconds = [step.total_seconds() for step in LADDER]
    assert seconds == [5, 300, 1800, 7200, 18_000, 36_000, 36_000]
    assert [next_try(failures, NOW) for failures in range(1, 9)] == [*(NOW + step for step in LADDER), None]


@pytest.mark.parametrize(
    ("failing_for", "failures", "given_up"),
    [
        (GIVEN_UP_AFTER, STUMBLES + 1, True),
        (GIVEN_UP_AFTER - timedelta(seconds=1), 8, False),
        # Quiet for days, and a first bad hour: no reason to stop.
        (GIVEN_UP_AFTER + timedelta(days=30), STUMBLES, False),
        (timedelta(0), 1, False),
    ],
)
def test_when_an_endpoint_is_given_up(failing_for: timedelta, failures: int, given_up: bool) -> None:
    assert is_given_up(NOW - failing_for, failures, NOW) is given_up


@pytest.mark.parametrize(
    ("outcome", "accepted", "gone", "reason"),
    [
        (Outcome(duration_ms=1, http_status=200), True, False, None),
        (Outcome(duration_ms=1, http_status=204), True, False, None),
        (Outcome(duration_ms=1, http_status=299), True, False, None),
        (Outcome(duration_ms=1, http_status=302, error=Trouble.REDIRECT), False, False, "REDIRECT"),
        (Outcome(duration_ms=1, http_status=400), False, False, "HTTP_400"),
        (Outcome(duration_ms=1, http_status=410), False, True, "HTTP_410"),
        (Outcome(duration_ms=1, http_status=500), False, False, "HTTP_500"),
        (Outcome(duration_ms=1, error=Trouble.TIMEOUT), False, False, "TIMEOUT"),
    ],
)
def test_what_a_try_came_to(outcome: Outcome, accepted: bool, gone: bool, reason: str | None) -> None:
    assert (outcome.accepted, outcome.gone, outcome.reason) == (accepted, gone, reason)


def test_a_claim_outlives_a_try() -> None:
    assert LEASE.total_seconds() >= 2 * TIMEOUT_S


def test_a_secret_is_as_standard_webhooks_wants_it() -> None:
    secret = new_secret()
    assert secret != new_secret()
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert Webhook(secret).sign("id", NOW, "{}").startswith("v1,")
