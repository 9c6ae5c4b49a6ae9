"""``/api/ops/doubtful``: the doubtful desk."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.params import Parameter
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED

from paywon.base.ids import AttemptId, OrderId, StrayId
from paywon.desk import commands
from paywon.desk.commands import Decider
from paywon.desk.model import Decision, Doubt, Kind, Leftover, Places, places_of
from paywon.payments.api.common import Asker, RefundAccountIn, Till
from paywon.web.auth import needs
from paywon.web.body import StrictBody
from paywon.web.openapi import reading, writing
from paywon.web.paging import cursor_invalid, decode_words, encode_words
from paywon.web.query import exact_query
from paywon.web.shapes import Input, Output, Text100, Text200

LimitQuery = Annotated[int, Parameter(ge=1, le=200)]
# Longer than others', as it holds a place in each of five kinds: 467 characters at most.
CursorQuery = Annotated[str | None, Parameter(max_length=480)]


class DecisionIn(Input, frozen=True, kw_only=True):
    """Who decides, and why; both stay on record."""

    examples: ClassVar = ({"operator": "김담당", "reason": "토스 상점관리자에서 승인 내역 없음을 확인"},)

    operator: Text100
    reason: Text200


class CancelDecisionIn(Input, frozen=True, kw_only=True):
    """As a decision; a deposit goes back only to ``refundReceiveAccount``."""

    examples: ClassVar = (
        {
            "operator": "김담당",
            "reason": "주문 만료 뒤 입금",
            "refundReceiveAccount": {"bank": "06", "accountNumber": "12345678901", "holderName": "홍길동"},
        },
    )

    operator: Text100
    reason: Text200
    refund_receive_account: RefundAccountIn | None = None


class AnswerOut(Output, frozen=True, kw_only=True):
    """What Toss said: to the question, or to a read made for it. ``listed``: how many entries a list had.

    ``message`` is Toss's own, or names the field that could not be read or does not fit the order.
    """

    at: datetime
    type: str
    http_status: int | None
    code: str | None
    outcome: str | None
    shows: str | None
    listed: int | None
    message: str | None


class ToldOut(Output, frozen=True, kw_only=True):
    """What a webhook claimed."""

    at: datetime
    event_type: str
    claims: str | None
    verdict: str
    status: str


class DecisionOut(Output, frozen=True, kw_only=True):
    id: UUID
    kind: str
    reason: str
    operator: str
    actor: str
    created_at: datetime
    seconded_by: str | None
    carried_out_at: datetime | None


class DoubtOut(Output, frozen=True, kw_only=True):
    """A question to Toss that is still open. ``nextAt`` is when it is read again, null once only a person goes on.

    ``nextStep`` is what follows then, if Toss shows no more than it last did: ``wait``, ``ask_again`` (with the same
    key), ``ask_anew`` (as a new attempt), ``failed`` or ``succeeded``; null where that cannot be foretold.
    """

    attempt_id: UUID
    type: str
    order_id: str | None
    order_no: str | None
    payment_id: UUID | None
    payment_status: str | None
    payment_key: str | None
    amount: int | None
    since: datetime
    tries: int
    parked_at: datetime | None
    next_at: datetime | None
    next_step: str | None
    code: str | None
    message: str | None
    sent: dict[str, Any] | None
    answers: list[AnswerOut]
    webhooks: list[ToldOut]
    decisions: list[DecisionOut]


class StrayOut(Output, frozen=True, kw_only=True):
    """Money that has to go back (망취소). ``returnAt`` is when Toss is asked, null where it waits for a person."""

    id: UUID
    payment_id: UUID
    payment_key: str
    reason: str
    balance_amount: int
    needs_account: bool
    return_at: datetime | None
    last_error: str | None
    found_at: datetime
    returned_at: datetime | None


class LeftoverOut(Output, frozen=True, kw_only=True):
    """Something else for a person: a parked ``webhook``, a blocked ``fulfilment``, a ``refund`` the bank refused.

    ``id`` is the webhook's, the order's, or the payment's. ``nextStep`` is the door by which a person goes on:
    ``reprocess`` (``POST /api/ops/webhooks/{id}/reprocess``), ``retry`` (of the fulfilment), ``refund_again``
    (``POST /payments/{id}/refund`` with another ``refundReceiveAccount``; by hand where Toss takes none),
    ``pay_by_hand`` (a part went back, and Toss takes no other account for it); null where there is none.
    """

    kind: str
    id: UUID
    since: datetime
    order_id: str | None
    order_no: str | None
    reason: str | None
    next_step: str | None
    decisions: list[DecisionOut]


class RetriedOut(Output, frozen=True, kw_only=True):
    """``FULFILLED`` or ``REVERSED`` if it went well; still ``BLOCKED``, and why, if not."""

    order_id: str
    order_no: str
    fulfilment_status: str
    reason: str | None


class DeskOut(Output, frozen=True, kw_only=True):
    """A page: up to ``limit`` of each kind. ``nextCursor`` leads to more of those that have more; null at the end."""

    questions: list[DoubtOut]
    strays: list[StrayOut]
    leftovers: list[LeftoverOut]
    limit: int
    next_cursor: str | None


class RereadOut(Output, frozen=True, kw_only=True):
    """``question`` is null once it is settled."""

    settled: bool
    question: DoubtOut | None


class DeskController(Controller):
    path = "/api/ops/doubtful"
    tags = ("operations",)
    guards = (exact_query,)

    @get("/", guards=[needs("ops:read")], summary="Read the doubtful desk", responses=reading())
    async def look(self, cashier: Till, limit: LimitQuery = 50, cursor: CursorQuery = None) -> DeskOut:
        """What no machine has settled yet, with its evidence and the next step; each kind oldest first."""
        desk = await commands.look_at_desk(cashier, _places(cursor), limit=limit)
        return DeskOut(
            questions=[doubt_out(doubt) for doubt in desk.doubts],
            strays=[StrayOut(**asdict(stray)) for stray in desk.strays],
            leftovers=[_leftover_out(left) for left in desk.leftovers],
            limit=limit,
            next_cursor=encode_words(*desk.next.words()) if desk.next else None,
        )

    @post(
        "/questions/{attempt_id:uuid}/reread",
        dto=StrictBody[DecisionIn],
        return_dto=None,
        status_code=HTTP_200_OK,
        guards=[needs("ops:write")],
        summary="Read Toss now",
        responses=writing(404),
    )
    async def reread(self, attempt_id: UUID, data: DecisionIn, cashier: Till, origin: Asker) -> RereadOut:
        """Toss is read at once, and what follows from it is done."""
        left = await commands.reread(cashier, AttemptId(attempt_id), _decider(data, origin))
        return RereadOut(settled=left is None, question=None if left is None else doubt_out(left))

    @post(
        "/questions/{attempt_id:uuid}/mark-failed",
        dto=StrictBody[DecisionIn],
        return_dto=None,
        status_code=HTTP_200_OK,
        guards=[needs("ops:write")],
        summary="Take a question for failed; two operators",
        responses=writing(404, 409, 503),
    )
    async def mark_failed(
        self, attempt_id: UUID, data: DecisionIn, cashier: Till, origin: Asker
    ) -> Response[DecisionOut]:
        """The first call proposes (202); a second operator's, with another API key, carries it out (200).

        Toss is read first: refused while anything that it answered shows an approval, and while it cannot be read.
        """
        decision = await commands.mark_failed(cashier, AttemptId(attempt_id), _decider(data, origin))
        status = HTTP_202_ACCEPTED if decision.carried_out_at is None else HTTP_200_OK
        return Response(_decision_out(decision), status_code=status)

    @post(
        "/questions/{attempt_id:uuid}/cancel",
        dto=StrictBody[CancelDecisionIn],
        return_dto=None,
        status_code=HTTP_200_OK,
        guards=[needs("ops:write")],
        summary="Cancel at Toss what a question brought about",
        responses=writing(402, 404, 409, 502, 503),
    )
    async def cancel(self, attempt_id: UUID, data: CancelDecisionIn, cashier: Till, origin: Asker) -> RereadOut:
        """Toss is read first; what was approved there goes back whole, also where it does not fit the order.

        ``settled`` is false while Toss has not said that it went back.
        """
        account = data.refund_receive_account.for_toss() if data.refund_receive_account else None
        decider = _decider(data, origin)
        gone = await commands.cancel_attempt_at_toss(cashier, AttemptId(attempt_id), decider, account=account)
        return RereadOut(settled=gone, question=None)

    @post(
        "/strays/{stray_id:uuid}/cancel",
        dto=StrictBody[CancelDecisionIn],
        return_dto=None,
        status_code=HTTP_200_OK,
        guards=[needs("ops:write")],
        summary="Send stray money back",
        responses=writing(402, 404, 409, 502),
    )
    async def cancel_stray(self, stray_id: UUID, data: CancelDecisionIn, cashier: Till, origin: Asker) -> StrayOut:
        """``returnedAt`` is null while Toss has not said that it went back."""
        account = data.refund_receive_account.for_toss() if data.refund_receive_account else None
        decider = _decider(data, origin)
        return StrayOut(
            **asdict(await commands.return_stray_money(cashier, StrayId(stray_id), decider, account=account))
        )

    @post(
        "/fulfilments/{order_id:uuid}/retry",
        dto=StrictBody[DecisionIn],
        return_dto=None,
        status_code=HTTP_200_OK,
        guards=[needs("ops:write")],
        summary="Try a blocked fulfilment again",
        responses=writing(404, 409),
    )
    async def retry(self, order_id: UUID, data: DecisionIn, cashier: Till, origin: Asker) -> RetriedOut:
        """Hands over what a paid order is for, or takes it back where the money went back; nothing is asked of Toss."""
        order = await commands.retry_fulfilment(cashier, OrderId(order_id), _decider(data, origin))
        return RetriedOut(
            order_id=order.order_no,
            order_no=order.order_no,
            fulfilment_status=order.fulfilment_status,
            reason=order.fulfilment_reason,
        )


def _places(cursor: str | None) -> Places:
    if cursor is None:
        return Places()
    try:
        return places_of(decode_words(cursor, 2 * len(Kind)))
    except (ValueError, OverflowError):
        raise cursor_invalid() from None


def _decider(data: DecisionIn | CancelDecisionIn, origin: Asker) -> Decider:
    return Decider(operator=data.operator, reason=data.reason, origin=origin)


def doubt_out(doubt: Doubt) -> DoubtOut:
    same = {
        name: getattr(doubt, name)
        for name in DoubtOut.__struct_fields__
        if name not in ("order_id", "next_step", "answers", "webhooks", "decisions")
    }
    return DoubtOut(
        **same,
        order_id=doubt.order_no,
        next_step=doubt.next_step.name.lower() if doubt.next_step else None,
        answers=[AnswerOut(**asdict(answer)) for answer in doubt.answers],
        webhooks=[ToldOut(**asdict(told)) for told in doubt.webhooks],
        decisions=[_decision_out(decision) for decision in doubt.decisions],
    )


def _leftover_out(left: Leftover) -> LeftoverOut:
    same = {
        name: getattr(left, name) for name in LeftoverOut.__struct_fields__ if name not in ("order_id", "decisions")
    }
    return LeftoverOut(
        **same, order_id=left.order_no, decisions=[_decision_out(decision) for decision in left.decisions]
    )


def _decision_out(decision: Decision) -> DecisionOut:
    return DecisionOut(**{name: getattr(decision, name) for name in DecisionOut.__struct_fields__})
