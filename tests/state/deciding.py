"""Two operators, who decide what paywon leaves to people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from paywon.base.clock import SystemClock
from paywon.db.pool import Database
from paywon.operators.commands import create_api_key
from paywon.operators.model import Scope
from tests.state.replay import Side, SurpriseError

# A refund whose key Toss has answered with a failure, while a cancel that looks like it stands in Toss's list: nothing
# that a machine can read says whose cancel it is. paywon has read Toss often enough to have put it before people.
LEFT_TO_PEOPLE: Final = """
    SELECT t.id FROM payment_transactions t JOIN payment_cancels c ON c.attempt_id = t.id
    WHERE t.status = 'pending' AND t.in_doubt_at IS NOT NULL AND t.type IN ('refund_request', 'payment_cancellation')
      AND t.answered AND t.http_status >= 400 AND c.transaction_key IS NOT NULL
    """
_DECIDED: Final = ("200", "202", "404 DOUBT_NOT_FOUND")


@dataclass(frozen=True)
class Operators:
    """Two people with an API key each."""

    api_url: str
    keys: Sequence[str]

    def decide(self, questions: Sequence[dict[str, Any]]) -> None:
        """Take questions for failed that only people can settle; one that was settled meanwhile is nobody's any more.

        What looks like our cancel is then the console's, whoever made it.
        """
        for question in questions:
            path = f"/api/ops/doubtful/questions/{question['id']}/mark-failed"
            for number, key in enumerate(self.keys, 1):
                body = {"operator": f"담당 {number}", "reason": "콘솔에서 한 취소"}
                heard = Side(self.api_url, f"Bearer {key}").send("POST", path, body, f"{question['id']}-{number}")
                if heard.told not in _DECIDED:
                    raise SurpriseError(f"operator {number} marks a refund as failed: {heard.told} {heard.raw!r}")


async def make_operators_keys(database_url: str) -> list[str]:
    """Make an API key for each of two operators."""
    db = await Database.connect(database_url, max_connections=1, application_name="proof")
    clock = SystemClock()
    keys = [
        await create_api_key(db, name=f"operator {number}", scopes=list(Scope), expires_at=None, clock=clock)
        for number in (1, 2)
    ]
    await db.close()
    return keys
