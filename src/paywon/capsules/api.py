"""``/api/capsules``."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get
from litestar.params import Dependency

from paywon.base.ids import CapsuleId
from paywon.capsules import commands
from paywon.capsules.model import Capsule
from paywon.db.pool import Database
from paywon.web.auth import Principal, needs
from paywon.web.openapi import reading
from paywon.web.query import exact_query
from paywon.web.shapes import Output

Db = Annotated[Database, Dependency(skip_validation=True)]


class CapsuleOut(Output, frozen=True, kw_only=True):
    id: UUID
    order_id: str
    order_no: str
    user_id: str
    title: str
    headcount: int
    view_limit: int
    time_option: str
    open_at: datetime
    status: str
    created_at: datetime
    canceled_at: datetime | None


class CapsulesController(Controller):
    path = "/api/capsules"
    tags = ("capsules",)
    guards = (exact_query,)

    @get(
        "/{capsule_id:uuid}",
        guards=[needs("orders:read")],
        summary="Read a time capsule",
        responses=reading(404),
    )
    async def read(self, capsule_id: UUID, db: Db, request: Request[Principal, None, Any]) -> CapsuleOut:
        return capsule_out(*await commands.find_capsule(db, CapsuleId(capsule_id), owner=request.user.owner))


def capsule_out(capsule: Capsule, order_no: str) -> CapsuleOut:
    return CapsuleOut(
        id=capsule.id,
        order_id=order_no,
        order_no=order_no,
        user_id=capsule.user_id,
        title=capsule.title,
        headcount=capsule.headcount,
        view_limit=capsule.view_limit,
        time_option=capsule.time_option,
        open_at=capsule.open_at,
        status=capsule.status,
        created_at=capsule.created_at,
        canceled_at=capsule.canceled_at,
    )
