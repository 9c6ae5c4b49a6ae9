"""What the audit trail shows of attempts that were closed before a rule on what may be shown."""

from datetime import UTC, datetime

from paywon.base.ids import AttemptId, new_uuid
from paywon.payments.api.seed1 import transaction_out
from paywon.payments.commands.cashier import Origin
from paywon.payments.model import Attempt, AttemptStatus, AttemptType


def test_an_old_answer_is_shown_with_the_last_four_of_its_card() -> None:
    answer = {"status": "DONE", "card": {"number": "43306542****090*"}, "cancels": [{"note": "43306542****090*"}]}
    row = Attempt(
        id=AttemptId(new_uuid()),
        payment_id=None,
        type=AttemptType.STATUS_READ,
        status=AttemptStatus.SUCCESS,
        response_data=answer,
        created_at=datetime.now(UTC),
    )
    assert transaction_out(row, Origin(actor="test")).response_data == {
        "status": "DONE",
        "card": {"number": "************090*"},
        "cancels": [{"note": "************090*"}],
    }
    assert answer["card"] == {"number": "43306542****090*"}, "the row itself stays as it was closed"
