"""``script/flood`` in small: forged webhooks cost little, real ones are worked, and it would notice if not."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench.flood import Story
from bench.flooding.forging import Forger, Own
from bench.flooding.sending import Answers

_ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(280)
def test_a_small_flood_costs_little_and_hides_nothing() -> None:
    command = [sys.executable, "-m", "bench.flood", "--forged", "2000", "--real", "5", "--minutes", "1"]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=260, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "forged: 2,000 answered" in done.stdout, done.stdout
    assert "real: 5 of 5 paid" in done.stdout
    assert "TROUBLE" not in done.stdout


def test_the_forged_are_always_the_same_and_of_every_kind() -> None:
    forger = Forger(own=[Own(order_no="ORD-1737120000000-AAAAAAAA", payment_key="key")])
    first = [forger.request(number) for number in range(40)]
    assert first == [forger.request(number) for number in range(40)]
    for told in (b"ORD-1737120000000-AAAAAAAA", b'"CANCELED"', b'"secret"', b"toss-signature", b"REPEATED", b"CANCEL_"):
        assert any(told in request for request in first), told


def _good() -> Story:
    answers = Answers(statuses=Counter({200: 8, 400: 1, 401: 1}), latencies_s=[0.01] * 10, seconds=1.0)
    story = Story(answers=answers, real=2, real_paid=2, most_looks=9, looks_of_forged=3, calls_of_forged=9)
    story.before, story.peak, story.invariants = {"api-1": 100.0}, {"api-1": 120.0}, "I4 holds"
    return story


def test_what_is_as_it_should_be_is_not_complained_about() -> None:
    assert _good().troubles() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"real_paid": 1}, "1 real webhooks were not worked"),
        ({"answered_late": 1}, "not answered 200"),
        ({"answers": Answers(statuses=Counter({503: 1}))}, "5xx"),
        ({"looks_of_forged": 10}, "10 looks"),
        ({"calls_of_forged": 28}, "28 calls"),
        ({"kept": {"ignored": 9_000, "rejected": 1_001}}, "kept of what is nobody's"),
        ({"peak": {"api-1": 251.0}}, "api-1 grew from 100 to 251 MB"),
        ({"invariants": "3 webhooks still wait"}, "3 webhooks still wait"),
    ],
)
def test_what_is_not_is_noticed(changes: dict[str, Any], said: str) -> None:
    (trouble,) = replace(_good(), **changes).troubles()
    assert said in trouble
