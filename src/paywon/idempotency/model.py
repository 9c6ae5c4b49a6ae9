"""A caller's Idempotency-Key and what became of it. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from paywon.base.sealing import KeyRing, SealedColumn

# Longer than a caller is ever kept waiting (PAYWON_ANSWER_BUDGET_S). A repeat that comes sooner is told to wait;
# after that, whoever had the key has died, and the repeat goes on with what it began.
RUNNING_FOR: Final = timedelta(seconds=12)
KEPT_FOR: Final = timedelta(days=3)
# A run is once a minute, so 1,200,000 an hour at most.
FORGOTTEN_AT_ONCE: Final = 1000
ROUNDS: Final = 20
SEALED_BODY: Final = SealedColumn(table="idempotency_keys", column="sealed_body", key=("holder", "key"))


@dataclass(slots=True, kw_only=True)
class Claim:
    """One request's key: who sent it, for which door, with which body.

    ``subject_id`` is what the request made, once the key's row is written in the transaction of the intent; from then
    on the reply is kept.
    """

    holder: str
    key: str
    operation: str
    digest: bytes
    # Seals the reply: it may hold personal data, or a billing key.
    ring: KeyRing = field(repr=False)
    subject_id: UUID | None = None

    @property
    def purpose(self) -> str:
        return SEALED_BODY.purpose(self.holder, self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as it went out, to be sent again byte by byte."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptClaim:
    """One row of ``idempotency_keys``. ``subject_id`` is what the first request made: an order or an attempt."""

    operation: str
    digest: bytes
    subject_id: UUID
    reply: Reply | None
    created_at: datetime


class ReplyAgain(Exception):  # noqa: N818 - it is no error: the first reply is the answer
    """Raised inside a command whose reply is already known."""

    def __init__(self, reply: Reply) -> None:
        super().__init__("the reply is known")
        self.reply = reply
