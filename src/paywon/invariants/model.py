"""The invariants, what a look at one found, and what is looked for in stored text. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from paywon.base.redaction import last_four, redact, redact_text

# How many violations are told one by one; all are counted.
SAMPLES: Final = 20
KEPT_RUNS: Final = 100


class Invariant(StrEnum):
    """Each is described beside its query; I14 is about what the application is told."""

    I1 = "I1"
    I2 = "I2"
    I3 = "I3"
    I4 = "I4"
    I5 = "I5"
    I6 = "I6"
    I7 = "I7"
    I8 = "I8"
    I9 = "I9"
    I10 = "I10"
    I11 = "I11"
    I12 = "I12"
    I13 = "I13"
    I14 = "I14"
    I15 = "I15"
    I16 = "I16"
    I17 = "I17"
    I18 = "I18"
    I19 = "I19"
    I20 = "I20"
    I21 = "I21"
    I22 = "I22"
    I23 = "I23"


@dataclass(frozen=True, slots=True)
class Words:
    """What an invariant says, in a line."""

    ko: str
    en: str


WORDS: Final[dict[Invariant, Words]] = {
    Invariant.I1: Words("주문 하나에 승인된 결제는 하나", "one approved payment per order"),
    Invariant.I2: Words(
        "취소의 합은 총액 이하, 잔액 = 총액 − 취소", "cancels fit the total, balance = total − cancels"
    ),
    Invariant.I3: Words("결제된 주문에는 토스의 승인 증거", "a paid order has Toss's approval stored"),
    Invariant.I4: Words("받은 웹훅은 처리되거나 보류로 보임", "each webhook is worked or visibly parked"),
    Invariant.I5: Words("결제 상태는 허용된 길로만", "statuses move only where they may"),
    Invariant.I6: Words("결제된 주문마다 이행은 정확히 하나", "one fulfilment per paid order, one reversal per refund"),
    Invariant.I7: Words("토스 호출마다 열고 닫은 기록", "each call to Toss has its record, opened and closed"),
    Invariant.I8: Words("모름은 증거 없이 실패가 되지 않음", "unknown never fails without Toss's evidence"),
    Invariant.I9: Words("같은 멱등키에 효과와 답은 하나", "one effect and reply per Idempotency-Key"),
    Invariant.I10: Words("토스 멱등키 하나에 요청 하나", "one question per provider key"),
    Invariant.I11: Words("트랜잭션 안에서 토스를 부르지 않음", "no call to Toss inside a transaction"),
    Invariant.I12: Words("빌링키와 기간마다 청구는 한 번", "one charge per billing key and period"),
    Invariant.I13: Words("카드번호와 계좌번호는 저장하지 않음", "no card or account number is stored"),
    Invariant.I14: Words(
        "결제된 주문은 앱에 정확히 한 번 알림", "a paid order is told of once, each event to its endpoints"
    ),
    Invariant.I15: Words("장부는 토스가 마지막으로 보여 준 그대로", "the books are what Toss was last seen to show"),
    Invariant.I16: Words("아는 사실이 배제한 질문은 열려 있지 않음", "no question is open that known facts exclude"),
    Invariant.I17: Words("기한 지난 주문이 열려 있으면 까닭이 있음", "an overdue order that is open says why"),
    Invariant.I18: Words("실패의 증거는 그 결제에 대한 것", "a failure's evidence is about the payment"),
    Invariant.I19: Words("사람이 실패로 정한 것은 다시 읽음", "what people took for failed is read again"),
    Invariant.I20: Words("취소는 지목된 paymentKey에만", "a cancel acts on the paymentKey that was named"),
    Invariant.I21: Words("보류된 웹훅에는 다음 단계가 있음", "a parked webhook has a next step"),
    Invariant.I22: Words("결제 전 주문은 한없이 열려 있지 않음", "no unpaid order reaches far"),
    Invariant.I23: Words("입금은 며칠 동안 다시 읽음", "a deposit is read again for days"),
}
# What no query can see, and where the code holds it instead.
HELD_BY_CODE: Final[dict[Invariant, str]] = {
    Invariant.I11: "db.pool.forbid_open_transaction; tests/db/test_payment_store.py",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One row that breaks an invariant: its id, and what is wrong with it."""

    subject: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a look at one invariant found.

    ``checked`` is None where there is nothing to count: held by the code, or not finished. ``trouble`` says why it
    could not be looked at; ``samples`` are the first of the ``violations``.
    """

    invariant: Invariant
    checked: int | None
    violations: int = 0
    samples: tuple[Violation, ...] = ()
    trouble: str | None = None
    elapsed_ms: int = 0

    @property
    def holds(self) -> bool:
        """Whether it was looked at and nothing breaks it."""
        return self.violations == 0 and self.trouble is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All invariants looked at once; ``origin`` says who asked for it."""

    id: UUID
    origin: str
    started_at: datetime
    finished_at: datetime
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        return all(finding.holds for finding in self.findings)


# --- I13: what is looked for ---------------------------------------------------------------------------

# Names that others gave: a host's own ids, Toss's keys. One in ten long numbers passes Luhn's check, and these are
# often long numbers.
NAMES: Final = frozenset(
    {
        "user_id",
        "resource_id",
        "customer_key",
        "order_no",
        "payment_key",
        "from_key",
        "to_key",
        "transaction_key",
        "last_transaction_key",
        "receipt_key",
        "issue_number",
        "transmission_id",
        "idempotency_key",
        "billing_period",
        "holder",
        "key",
        "operation",
        "dedupe_key",
    }
)
# An event's document carries the names that others gave: what it is about has to be found by them.
EVENT_DOCUMENT: Final = "data"
NAMES_IN_EVENTS: Final = ("{order,orderNo}", "{order,resourceId}", "{payment,paymentKey}")
# A host's own documents: what a person is called is theirs to keep there, a card number is not.
HOST_DOCUMENTS: Final = frozenset({"customer", "metadata", "fulfilment_spec"})


# Where Toss's words are kept: of a card's number, masked as it is, at most the last four signs. Elsewhere a host's
# own words may hold what a host masked.
TOSS_COLUMNS: Final = frozenset({"raw_response", "response_data", "body", "card_meta", "fail_message", "error_message"})


def leaks(column: str, value: Any, *, last_four_only: bool = True) -> bool:
    """Whether a stored text or document holds what must never be stored; by the rules that it was written by.

    ``last_four_only`` is False for what was written, and closed for ever, before cards were masked so far.
    """
    if column == EVENT_DOCUMENT:
        value = _without_names(value)
    if column in HOST_DOCUMENTS:
        return any(redact_text(text) != text for text in _texts(value))
    if column in TOSS_COLUMNS and last_four_only and shows_more_than_last_four(value):
        return True
    return _differs(value, redact(value, inside=column))


def shows_more_than_last_four(value: Any) -> bool:
    """Whether a document or text holds a masked card number of which more than the last four signs are left."""
    return any(last_four(text) != text for text in _texts(value))


def _without_names(document: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Answer the parts of an event's data; what they are called is ours, and ``billingKey`` is one without the key."""
    return [
        {name: item for name, item in fields.items() if f"{{{part},{name}}}" not in NAMES_IN_EVENTS}
        for part, fields in document.items()
    ]


def _differs(stored: Any, redacted: Any) -> bool:
    if isinstance(stored, Mapping):
        return stored.keys() != redacted.keys() or any(_differs(stored[name], redacted[name]) for name in stored)
    if isinstance(stored, list):
        return any(_differs(one, other) for one, other in zip(stored, redacted, strict=True))
    if isinstance(stored, str) and ("***" in stored or last_four(stored) != stored):
        return redact_text(stored) != stored  # masked when it was written; to mask it again may lengthen it
    return bool(stored != redacted)


def _texts(document: Any) -> list[str]:
    """Answer every name and text of a document, and its numbers as text."""
    if isinstance(document, Mapping):
        return [text for name, item in document.items() for text in (str(name), *_texts(item))]
    if isinstance(document, list):
        return [text for item in document for text in _texts(item)]
    return [] if document is None or isinstance(document, bool) else [str(document)]
