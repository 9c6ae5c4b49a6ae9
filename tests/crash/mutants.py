"""Rules broken on purpose, each of which the harness has to notice."""

from dataclasses import dataclass
from typing import Final

from tests.crash.campaign import Campaign
from tests.crash.points import Fault, Moment, Point
from tests.crash.world import Ground, open_world
from tests.support.edits import Edit, mutate


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A broken rule, and the one point that shows it, with the API as the victim."""

    name: str
    shows: str
    """What the harness has to say of it."""
    operation: str
    fault: Fault
    at: Moment = "answer"
    repeat: bool = False
    edits: tuple[Edit, ...] = ()
    sql: tuple[str, ...] = ()
    patience_s: float = 8.0

    @property
    def point(self) -> Point:
        return Point(operation=self.operation, victim="api", fault=self.fault, at=self.at, repeat=self.repeat)


_COMMANDS: Final = "paywon/payments/commands"

MUTANTS: Final = (
    Mutant(
        name="unknown is marked as failed",
        shows="our status is READY, Toss's DONE",
        operation="charge",
        fault="toss-drop",
        edits=(
            Edit(
                file=f"{_COMMANDS}/settling.py",
                old='            return Refused(outcome="not_sent", code="NOT_SENT", why=str(answer.reason))\n',
                new='            return Refused(outcome="not_sent", code="NOT_SENT", why=str(answer.reason))\n'
                "        case Unknown():\n"
                '            return Refused(outcome="unknown", code="LOST", why=str(answer.reason))\n',
            ),
        ),
    ),
    Mutant(
        name="nothing keeps a second attempt from being opened beside an open one",
        shows="two attempts were open at once",
        operation="confirm",
        fault="toss-drop",
        at="question",  # at the answer a webhook may settle it before the second window's confirm comes
        sql=("DROP INDEX payment_transactions_one_open",),
    ),
    Mutant(
        name="Toss is asked inside the transaction of the intent",
        shows="a key that is not on record",
        operation="confirm",
        fault="kill",
        edits=(
            Edit(
                file=f"{_COMMANDS}/confirming.py",
                old="        intent = await _intend(conn, cashier, told, origin)\n",
                new="        intent = await _intend(conn, cashier, told, origin)\n"
                "        if isinstance(intent, Intent):\n"
                "            await ask(cashier, intent)\n",
            ),
            Edit(
                file=f"{_COMMANDS}/confirming.py",
                old="import recorded",
                new="import ask, recorded",
            ),
            Edit(file="paywon/db/pool.py", old="    if _transaction_open.get():\n", new="    if False:\n"),
        ),
    ),
    Mutant(
        name="a refund in doubt is asked for again with a new key",
        shows="Toss cancelled [20000, 20000]",
        operation="refund-part",
        fault="toss-drop",
        edits=(
            Edit(
                file="paywon/payments/recovery.py",
                old="CANCEL_WINDOW\n    if not attempt.answered:\n",
                new="CANCEL_WINDOW\n    if not attempt.caused_by:\n        return Step.ASK_ANEW\n"
                "    if not attempt.answered:\n",
            ),
            Edit(
                file=f"{_COMMANDS}/cancelling.py",
                old="        refundable_amount=payment.balance_amount,\n",
                new="",
            ),
        ),
    ),
    Mutant(
        name="a repeat with the same Idempotency-Key begins anew",
        shows="Toss cancelled [20000, 20000]",
        operation="refund-part",
        fault="kill",
        repeat=True,
        patience_s=25.0,  # the key counts as running for 12 s
        edits=(
            Edit(
                file="paywon/idempotency/commands.py",
                old="    claim.subject_id = kept.subject_id\n    return kept.subject_id\n",
                new="    claim.subject_id = kept.subject_id\n    return None\n",
            ),
        ),
    ),
    Mutant(
        name="a database that dies while Toss is being asked is told as if nothing had happened",
        shows="told that nothing happened, after a committed intent",
        operation="refund-part",
        fault="pg-restart",
        at="question",
        patience_s=30.0,
        edits=(
            Edit(
                file=f"{_COMMANDS}/cashier.py",
                old="    except Exception as error:\n"
                '        raise PaywonError("OUTCOME_UNKNOWN", retry_after_s=2, location=poll_at) from error\n',
                new="    except ZeroDivisionError:\n        raise\n",
            ),
        ),
    ),
    Mutant(
        name="a charge that Toss does not show yet is given up",
        shows="0 attempts are on record as successful",
        operation="charge",
        fault="toss-drop",
        at="question",
        edits=(
            Edit(
                file="paywon/payments/recovery.py",
                old="        return Step.FAILED if over else _again(attempt)\n",
                new="        return Step.FAILED\n",
            ),
        ),
    ),
    Mutant(
        name="each ask has a key of its own",
        shows="a key that is not on record",
        operation="request",
        fault="toss-drop",
        edits=(
            Edit(
                file=f"{_COMMANDS}/asking.py",
                old="    key = intent.attempt.idempotency_key\n",
                new="    key = __import__('uuid').uuid4().hex\n",
            ),
        ),
    ),
)


async def try_mutant(ground: Ground, mutant: Mutant) -> str | None:
    """Run a mutant's one point against a paywon with that rule broken; answer what gave it away."""
    folder = ground.folder / mutant.name.replace(" ", "-")
    mutate(ground.source, folder, mutant.edits)
    async with open_world(ground, sql=mutant.sql, source=folder) as world:
        campaign = Campaign(world=world, settle_within_s=mutant.patience_s)
        results = await campaign.run([mutant.point])
    said = [problem for result in results for problem in result.problems]
    return next((problem for problem in said if mutant.shows in problem), None)
