"""What came of a call to Toss: yes, no, not sent or unknown (ARCHITECTURE#the-four-outcomes-of-asking)."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from paywon.toss.body import Lost
from paywon.toss.errors import Refusal

T = TypeVar("T")


class NotSentReason(StrEnum):
    REFUSED = "refused"
    DNS = "dns"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    CONNECT_FAILED = "connect_failed"
    NO_FREE_CONNECTION = "no_free_connection"
    """All of ours were in use for as long as it may wait in line."""


class UnknownReason(StrEnum):
    READ_TIMEOUT = "read_timeout"
    CONNECTION_LOST = "connection_lost"
    HALF_BODY = "half_body"
    TOO_LARGE = "too_large"
    RUNNING = "running"
    """409: an earlier request with this key is still at work."""
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    """5xx, whatever the code."""
    REDIRECTED = "redirected"
    UNREADABLE = "unreadable"
    ALREADY_DONE = "already_done"
    """ALREADY_PROCESSED_PAYMENT and its kin: the effect exists, read whose it is."""
    MAY_PASS = "may_pass"  # noqa: S105
    UNLISTED_CODE = "unlisted_code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request and what is known of its answer. The bodies are whole: redact before storing.

    `path` is percent-encoded, has no query and shows `{billingKey}` for the key itself, a secret; `query` is what
    followed it. `trace_id` is x-tosspayments-trace-id, two joined by a comma on a replay (toss/api.md 1.2 [M]). No
    header of the request is kept, so the secret key is not here. A list that was answered is not kept here
    either: thousands of rows belong in no audit trail; see `Yes.rows`.
    """

    method: str
    path: str
    query: str = ""
    idempotency_key: str | None = None
    request_body: dict[str, Any] | None = field(default=None, repr=False)
    http_status: int | None = None
    response_body: dict[str, Any] | None = field(default=None, repr=False)
    trace_id: str | None = None
    elapsed_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Yes(Generic[T]):
    """2xx and a body of the expected type. Whether order, amount and currency match is the caller's to
    compare.

    Beside the typed `value` stands what Toss sent: `raw`, the object, or `rows` where it sent a list. Each is
    empty where it sent the other or nothing. `lost` is what of it did not fit and is absent from `value`.
    """

    kind: ClassVar[Literal["yes"]] = "yes"
    call: Call
    value: T
    raw: dict[str, Any] = field(repr=False)
    rows: list[Any] = field(default_factory=list, repr=False)
    lost: tuple[Lost, ...] = ()

    @property
    def unread_rows(self) -> list[Lost]:
        """The rows of a list that could not be read: the list is short by them, and whoever shows it has to say so."""
        return [lost for lost in self.lost if lost.entry is not None and "." not in lost.entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class No:
    """A definite refusal of this call. `message` is Toss's buyer-displayable text, empty if it sent none."""

    kind: ClassVar[Literal["no"]] = "no"
    call: Call
    refusal: Refusal
    code: str
    message: str
    http_status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """The request cannot have reached Toss: no connection came about."""

    kind: ClassVar[Literal["not_sent"]] = "not_sent"
    call: Call
    reason: NotSentReason
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Anything may have happened.

    `answered` is True when Toss gave this key its final answer, which it will replay (a failure that may
    pass, a 2xx that we could not read): read the payment, then ask again with a new key. It is False when
    the key has no answer yet (no reply, half a reply, a gateway's page, 409 while running, 429): repeat with
    the same key, for a new one could act twice (toss/api.md 1.3).
    """

    kind: ClassVar[Literal["unknown"]] = "unknown"
    call: Call
    reason: UnknownReason
    code: str | None = None
    message: str | None = None
    answered: bool = False
    retry_after_s: float | None = None
    detail: str = ""


Answer: TypeAlias = Yes[T] | No | NotSent | Unknown

_SILENT = frozenset(
    {
        UnknownReason.READ_TIMEOUT,
        UnknownReason.CONNECTION_LOST,
        UnknownReason.HALF_BODY,
        UnknownReason.RATE_LIMITED,
        UnknownReason.SERVER_ERROR,
        UnknownReason.REDIRECTED,
    }
)


def is_silence(answer: "Answer[Any]") -> bool:
    """Whether Toss could not be heard, or does not let us in: the next call may well end the same, whatever it is."""
    match answer:
        case NotSent():
            return True
        case Unknown():
            return answer.reason in _SILENT
        case No():
            return answer.refusal is Refusal.MERCHANT
        case Yes():
            return False
