"""The demo shop's refund: a form that never reloads itself, a question that says the amount, and then the refund."""

import hashlib
import uuid
from dataclasses import replace

from litestar import Response, get, post

from paywon.base.errors import PaywonError
from paywon.base.money import Krw
from paywon.demo import shop, view
from paywon.demo.guard import AnyRequest, read_form
from paywon.demo.render import go, house_of, origin_of, page
from paywon.demo.returning import RefundAsked, RefundForm
from paywon.idempotency.model import Claim
from paywon.payments.commands import cancelling, queries
from paywon.payments.commands.cancelling import RefundWish
from paywon.payments.commands.queries import PaymentView, UnpaidView
from paywon.payments.model import AttemptType
from paywon.toss.codes import BANKS


@get("/demo/orders/{order_no:str}/refund")
async def refund_form(request: AnyRequest, order_no: str) -> Response[str]:
    """Show how much can go back, and ask how much of it shall."""
    found = await _find(request, order_no)
    return page(request, "refund.html", order=found.order, refunds=view.refunds_of(found), banks=BANKS)


@post("/demo/orders/{order_no:str}/refund/question")
async def refund_question(request: AnyRequest, order_no: str) -> Response[str]:
    """Ask once more, with the amount and what is then left."""
    asked = await read_form(request, RefundAsked)
    found = await _find(request, order_no)
    refunds = view.refunds_of(found)
    amount = asked.won
    if amount is None or amount > refunds.left:
        raise PaywonError(
            "INVALID_REQUEST",
            field="amount",
            hint_ko=f"1원에서 {refunds.left:,}원까지 적을 수 있습니다.",
            hint_en=f"Between 1 and {refunds.left:,} KRW.",
        )
    if refunds.needs_account and None in (asked.bank, asked.account_number, asked.holder_name):
        raise PaywonError("REFUND_ACCOUNT_REQUIRED", field="accountNumber")
    return page(
        request,
        "refund_question.html",
        status=200,
        order=found.order,
        asked=asked,
        amount=amount,
        left=refunds.left - amount,
        ticket=f"demo-{uuid.uuid4().hex}",
    )


@post("/demo/orders/{order_no:str}/refund")
async def refund(request: AnyRequest, order_no: str) -> Response[None]:
    """Refund what was asked and answered with yes."""
    form = await read_form(request, RefundForm)
    found = await _find(request, order_no)
    if view.refunds_of(found).left == form.left:
        # Otherwise the button was pressed twice, or on a page from before another refund: that one counts.
        await _refund_once(request, found, form)
    return go(request, f"/demo/orders/{found.order.order_no}")


async def _find(request: AnyRequest, order_no: str) -> PaymentView:
    house = house_of(request)
    order = await shop.find_order(house, order_no)
    found = await queries.find_by_order(house.cashier, order.order_no, origin_of(request))
    if isinstance(found, UnpaidView):
        raise PaywonError("PAYMENT_NOT_FOUND")
    return found


async def _refund_once(request: AnyRequest, found: PaymentView, form: RefundForm) -> None:
    house = house_of(request)
    wish = RefundWish(
        kind=AttemptType.REFUND_REQUEST, reason="고객 요청", amount=Krw(form.amount), account=form.account
    )
    claim = Claim(
        holder="demo:shop",
        key=form.ticket,
        operation="POST /demo/orders/{order_no}/refund",
        digest=hashlib.sha256(f"{found.payment.id} {form.left} {form.amount}".encode()).digest(),
        ring=house.ring,
    )
    try:
        await cancelling.refund_payment(house.cashier, found.payment.id, wish, replace(origin_of(request), claim=claim))
    except PaywonError as error:
        if error.code not in ("PAYMENT_IN_PROGRESS", "IDEMPOTENCY_KEY_RUNNING"):
            raise
