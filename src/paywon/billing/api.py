"""``/api/payments/toss/billing``: billing keys, and orders charged to them."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from litestar import Controller, Response, delete, get, post
from litestar.params import Parameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED
from msgspec import Meta

from paywon.base.ids import BillingKeyId, OrderNo, UserId
from paywon.base.money import Krw
from paywon.billing import store
from paywon.billing.commands import charging, deleting, issuing, queries
from paywon.billing.commands.charging import Charge
from paywon.billing.commands.issuing import IssueWish
from paywon.billing.model import KeyStatus, KeyView
from paywon.payments.api.common import POLL_AFTER_S, Asker, Till, answered
from paywon.payments.api.seed2 import TossView, place_of, toss_view
from paywon.web.auth import needs, only_own
from paywon.web.body import StrictBody
from paywon.web.openapi import reading, writing
from paywon.web.paging import decode_cursor, encode_cursor
from paywon.web.query import exact_query
from paywon.web.shapes import END, PAYMENT_KEY, WORD, Email, Input, OrderNoText, Output, Text100, Won, Word

# toss/api.md 1.5; a UUID is recommended, never an e-mail address or a number that can be guessed.
_CUSTOMER_KEY = r"^[A-Za-z0-9_=.@-]+" + END

CustomerKeyText = Annotated[str, Meta(min_length=2, max_length=300, pattern=_CUSTOMER_KEY)]
AuthKeyText = Annotated[str, Meta(min_length=1, max_length=300, pattern=r"^[!-~]+" + END)]
IpText = Annotated[str, Meta(min_length=2, max_length=45, pattern=r"^[0-9A-Fa-f:.]+" + END)]
# Our id or Toss's key, opaque and up to 200 (toss/api.md 1.5); the alphabet is what has been seen.
KeyInPath = Annotated[str, Parameter(max_length=200, pattern=PAYMENT_KEY)]
CustomerQuery = Annotated[
    str | None, Parameter(query="customerKey", min_length=2, max_length=300, pattern=_CUSTOMER_KEY)
]
UserQuery = Annotated[str | None, Parameter(query="userId", max_length=64, pattern=WORD)]
LimitQuery = Annotated[int, Parameter(ge=1, le=100)]
CursorQuery = Annotated[str | None, Parameter(max_length=200)]


class IssueIn(Input, frozen=True, kw_only=True):
    """What the redirect of Toss's billing window carried; ``userId`` is the app's user that the key is for."""

    examples: ClassVar = (
        {
            "authKey": "e_826EDB0730790E96F116FFF3799A65DE",
            "customerKey": "6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001",
            "userId": "user-7",
        },
    )

    auth_key: AuthKeyText
    customer_key: CustomerKeyText
    user_id: Word | None = None


class ChargeIn(Input, frozen=True, kw_only=True):
    """Which order is charged. ``amount`` and ``customerKey`` are compared, if they are given, and decide nothing."""

    examples: ClassVar = (
        {
            "orderId": "ORD-1737120000000-7K3M9QW2",
            "amount": 50_000,
            "customerKey": "6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001",
            "orderName": "정기 구독 11월",
            "billingPeriod": "2026-11",
            "customerEmail": "hong@example.com",
            "customerName": "홍길동",
            "customerIp": "203.0.113.7",
        },
    )

    order_id: OrderNoText
    amount: Won | None = None
    customer_key: CustomerKeyText | None = None
    order_name: Text100 | None = None
    billing_period: Word | None = None
    customer_email: Email | None = None
    customer_name: Text100 | None = None
    customer_ip: IpText | None = None


class KeyOut(Output, frozen=True, kw_only=True):
    """A billing key, never in full.

    ``openRequest`` names the question to Toss that is still open (``billing_key_issue``, ``billing_key_delete``);
    ``failCode`` and ``failMessage`` tell why the last one came to nothing.
    """

    id: UUID
    billing_key_hint: str | None
    customer_key: str
    user_id: str | None
    method: str | None
    card_meta: dict[str, Any] | None
    status: str
    open_request: str | None
    fail_code: str | None
    fail_message: str | None
    authenticated_at: datetime | None
    deleted_at: datetime | None
    delete_reason: str | None
    created_at: datetime


class IssuedKeyOut(KeyOut, frozen=True, kw_only=True):
    """A billing key with the key itself, which is shown in the answer to its issue and never again."""

    billing_key: str | None


class KeyAnswer(Output, frozen=True, kw_only=True):
    billing_key: KeyOut


class IssueAnswer(Output, frozen=True, kw_only=True):
    billing_key: IssuedKeyOut


class KeyList(Output, frozen=True, kw_only=True):
    billing_keys: list[KeyOut]
    next_cursor: str | None


class BillingController(Controller):
    path = "/api/payments/toss/billing"
    tags = ("billing",)
    guards = (exact_query,)

    @post(
        "/issue",
        dto=StrictBody[IssueIn],
        return_dto=None,
        status_code=HTTP_201_CREATED,
        guards=[needs("billing:write")],
        summary="Issue a billing key",
        responses=writing(402, 409, 502),
    )
    async def issue(self, data: IssueIn, cashier: Till, origin: Asker) -> Response[IssueAnswer]:
        """The one answer that shows the key in full; 202 while Toss has not answered. ``id`` serves as well."""
        wish = IssueWish(
            auth_key=data.auth_key,
            customer_key=data.customer_key,
            user_id=UserId(data.user_id) if data.user_id else None,
        )
        view = await issuing.issue_key(cashier, wish, origin)
        body = IssueAnswer(billing_key=IssuedKeyOut(**_columns(view), billing_key=view.secret))
        if view.key.status is KeyStatus.ISSUING:
            return Response(body, status_code=HTTP_202_ACCEPTED, headers=_poll(view))
        return Response(body, status_code=HTTP_201_CREATED)

    @get("/", guards=[needs("payments:read")], summary="List billing keys, newest first", responses=reading())
    async def list_keys(
        self,
        cashier: Till,
        origin: Asker,
        customer_key: CustomerQuery = None,
        user_id: UserQuery = None,
        limit: LimitQuery = 20,
        cursor: CursorQuery = None,
    ) -> KeyList:
        only_own(origin.owner, user_id)
        after = decode_cursor(cursor)
        wanted = store.PageFilter(
            customer_key=customer_key,
            user_id=UserId(user_id) if user_id else origin.owner,
            after=(after[0], BillingKeyId(after[1])) if after else None,
            limit=limit,
        )
        found = await queries.list_keys(cashier, wanted)
        last = found[-1].key if len(found) == limit else None
        return KeyList(
            billing_keys=[KeyOut(**_columns(view)) for view in found],
            next_cursor=encode_cursor(last.created_at, last.id) if last else None,
        )

    @get(
        "/{billing_key:str}",
        guards=[needs("payments:read")],
        summary="Read a billing key",
        responses=reading(404),
    )
    async def read(self, billing_key: KeyInPath, cashier: Till, origin: Asker) -> KeyAnswer:
        """By our id, or by the key itself."""
        return KeyAnswer(billing_key=KeyOut(**_columns(await queries.find_key(cashier, billing_key, origin))))

    @post(
        "/{billing_key:str}",
        dto=StrictBody[ChargeIn],
        return_dto=None,
        status_code=HTTP_200_OK,
        guards=[needs("billing:write")],
        summary="Charge an order to a billing key",
        responses=writing(402, 404, 409, 502),
    )
    async def charge(self, billing_key: KeyInPath, data: ChargeIn, cashier: Till, origin: Asker) -> Response[TossView]:
        """By our id, or by the key itself; the order becomes PAID. 202 while Toss has not answered."""
        view = await charging.charge_key(cashier, billing_key, _charge(data), origin)
        return answered(view, toss_view(view), status_code=HTTP_200_OK, poll_at=place_of(view))

    @delete(
        "/{billing_key:str}",
        status_code=HTTP_200_OK,
        guards=[needs("billing:write")],
        summary="Delete a billing key",
        responses=reading(404, 409, 422, 502),
    )
    async def remove(self, billing_key: KeyInPath, cashier: Till, origin: Asker) -> Response[KeyAnswer]:
        """By our id, or by the key itself; 202 while Toss has not answered. A key that is gone is answered as it is."""
        view = await deleting.delete_key(cashier, billing_key, origin)
        body = KeyAnswer(billing_key=KeyOut(**_columns(view)))
        if view.key.status is KeyStatus.DELETED:
            return Response(body, status_code=HTTP_200_OK)
        return Response(body, status_code=HTTP_202_ACCEPTED, headers=_poll(view))


def _poll(view: KeyView) -> dict[str, str]:
    return {"Retry-After": str(POLL_AFTER_S), "Location": f"{BillingController.path}/{view.key.id}"}


def _columns(view: KeyView) -> dict[str, Any]:
    key = view.key
    fail_code, fail_message = view.failure
    return {
        "id": key.id,
        "billing_key_hint": key.key_hint,
        "customer_key": key.customer_key,
        "user_id": key.user_id,
        "method": key.method,
        "card_meta": key.card_meta,
        "status": key.status,
        "open_request": view.open_request,
        "fail_code": fail_code,
        "fail_message": fail_message,
        "authenticated_at": key.authenticated_at,
        "deleted_at": key.deleted_at,
        "delete_reason": key.delete_reason,
        "created_at": key.created_at,
    }


def _charge(data: ChargeIn) -> Charge:
    return Charge(
        order_no=OrderNo(data.order_id),
        amount=None if data.amount is None else Krw(data.amount),
        customer_key=data.customer_key,
        order_name=data.order_name,
        period=data.billing_period,
        customer_email=data.customer_email,
        customer_name=data.customer_name,
        customer_ip=data.customer_ip,
    )
