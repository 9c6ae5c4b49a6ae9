"""Every sealed column, and what was found in one. Pure."""

from dataclasses import dataclass, field
from typing import Final

from paywon.base.sealing import SealedColumn
from paywon.billing.model import SEALED_KEY
from paywon.events.model import SEALED_PREVIOUS_SECRET, SEALED_SECRET
from paywon.idempotency.model import SEALED_BODY
from paywon.payments.model import SEALED_REQUEST

# A test compares this with the schema: a column of bytes that is neither here nor known to hold no secret fails it.
SEALED_COLUMNS: Final = (SEALED_KEY, SEALED_REQUEST, SEALED_BODY, SEALED_SECRET, SEALED_PREVIOUS_SECRET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """How many rows of a sealed column each key seals, by the key's name."""

    column: SealedColumn
    rows: dict[str, int]

    def not_under(self, key_name: str) -> int:
        """Count the rows that another key seals."""
        return sum(count for name, count in self.rows.items() if name != key_name)


@dataclass(slots=True, kw_only=True)
class Rotation:
    """What a rotation has come to so far; ``shut`` are rows that no key of the ring opens."""

    resealed: int = 0
    shut: dict[SealedColumn, int] = field(default_factory=dict)
