"""The control page: everything of the control door for people, per secret key. Plain forms; a script only refreshes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec
from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from paywon_sandbox.core import codes
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError, texts
from paywon_sandbox.core.money import as_sent
from paywon_sandbox.core.store import Account
from paywon_sandbox.doors import log, steering
from paywon_sandbox.doors.auth import secret_key
from paywon_sandbox.doors.door import AnyRequest, Door
from paywon_sandbox.doors.keys import client_key
from paywon_sandbox.doors.pages import page, read_form
from paywon_sandbox.doors.replies import drain
from paywon_sandbox.rules import billing, cancel, centre, escrow, expiry, virtual_accounts
from paywon_sandbox.rules.expiry import sweep
from paywon_sandbox.rules.params import Params
from paywon_sandbox.webhooks.events import EVENT_TYPES

COOKIE = "paywon_sandbox_key"
HOME = "/sandbox/console"
SECTIONS = {
    "payments": "결제",
    "billing": "빌링키",
    "webhooks": "웹훅",
    "faults": "장애",
    "requests": "요청 기록",
    "settings": "설정",
}
ROWS = 50
MOST_ROWS = 1000
STATUS_WORDS = {
    "READY": "인증 전",
    "IN_PROGRESS": "승인 전",
    "WAITING_FOR_DEPOSIT": "입금 대기",
    "DONE": "승인됨",
    "PARTIAL_CANCELED": "부분 취소",
    "CANCELED": "취소됨",
    "ABORTED": "실패",
    "EXPIRED": "만료",
}
DELIVERY_WORDS = {"PENDING": "보내는 중", "DELIVERED": "전달됨", "FAILED": "실패", "LOST": "잃음"}
FAULT_KINDS = {
    "refuse": "연결을 바로 끊기 (처리 안 함)",
    "reset": "연결 초기화 RST (처리 안 함)",
    "delay": "늦게 처리하기",
    "drop_reply": "처리한 뒤 응답을 버리기",
    "half_body": "응답을 반만 보내기",
    "status": "오류로 답하기",
    "away": "토스가 멈춤: 모두 503 (지연만큼, 0이면 지울 때까지)",
    "lag": "조회가 마지막 변경 전을 보여 주기 (지연만큼, 0이면 지울 때까지)",
    "mangle": "결제 본문의 필드 바꾸기",
    "lose": "웹훅: 첫 전송을 잃기",
    "double": "웹훅: 두 번 보내기",
    "reorder": "웹훅: 순서 바꾸기",
}
API_PATHS = ("/v1/payments/confirm", "/v1/payments/*/cancel", "/v1/payments", "/v1/billing", "/v1/virtual-accounts")
JUMPS = ((60, "1분"), (600, "10분"), (1800, "30분"), (86_400, "하루"), (604_800, "7일"), (2_678_400, "31일"))
Row = TypeVar("Row")
Action = Callable[[Door, Account, dict[str, object]], object]


def _account(request: AnyRequest, door: Door) -> Account | None:
    """The account of the session cookie, if there is a good one."""
    try:
        return door.store.account(_known_key(request.cookies.get(COOKIE, "")))
    except TossError:
        return None


def _known_key(key: str) -> str:
    return secret_key("Basic " + base64.b64encode(f"{key.strip()}:".encode()).decode())


def _newest(rows: Iterable[Row], fits: Callable[[Row], bool], most: int) -> list[Row]:
    """The newest rows that fit, and one more than are shown where there are more."""
    return list(islice((row for row in rows if fits(row)), most + 1))


def _pretty(value: object) -> str:
    """JSON for reading; text that is JSON itself is laid out too."""
    raw = value.encode() if isinstance(value, str) else msgspec.json.encode(as_sent(value))
    try:
        return msgspec.json.format(raw, indent=2).decode()
    except msgspec.DecodeError:
        return str(value)


def _rows(account: Account, section: str, order: str, most: int) -> list[object]:
    """What a section lists: ``most`` rows, and one more where there are more."""
    match section:
        case "payments":
            records = reversed(account.payments.values())
            return [*_newest(records, lambda record: order in record.payment.order_id, most)]
        case "webhooks":
            return [*_newest(reversed(account.deliveries.values()), lambda each: order in each.order_id, most)]
        case "requests":
            lines = _newest(reversed(account.requests), lambda line: order in (line.order_id or ""), most)
            return [log.shown(line) for line in lines]
        case "billing":
            return [*_newest(reversed(account.billings.values()), lambda billing: True, most)]
        case _:
            return []


def _most(request: AnyRequest) -> int:
    """How many rows somebody wants to see; the first page for what is no number."""
    wanted = request.query_params.get("rows", "")
    return min(max(int(wanted), ROWS), MOST_ROWS) if wanted.isdecimal() and len(wanted) < 9 else ROWS


@get(["/", "/sandbox", "/sandbox/console"], sync_to_thread=False)
def home() -> Response[None]:
    """The first section."""
    return _go("payments")


# The router does not come back from `payments`, below which the control door has a path of its own.
@get(["/sandbox/console/payments", "/sandbox/console/{section:str}"])
async def show_section(request: AnyRequest, door: Door, section: str = "payments") -> Response[str]:
    """One section of the page, or the form for the key."""
    account = _account(request, door)
    problem = request.query_params.get("problem", "")
    if account is None or section not in SECTIONS:
        status = 200 if account is None else 404
        return page("console/login.html", status, scripted=True, problem=_told(problem), sections={}, section="")
    sweep(account)
    door.store.commit()
    order = request.query_params.get("order", "").strip()
    most = _most(request)
    rows = _rows(account, section, order, most)
    return page(
        f"console/{section}.html",
        scripted=True,
        account=account,
        section=section,
        sections=SECTIONS,
        clock=steering.clock_view(account),
        now=toss_instant(account.clock.now()),
        client_key=client_key(account.key),
        jumps=JUMPS,
        problem=_told(problem),
        order=order,
        pretty=_pretty,
        rows=rows[:most],
        more=most + ROWS if most < min(len(rows), MOST_ROWS) else 0,
        status_words=STATUS_WORDS,
        delivery_words=DELIVERY_WORDS,
        settings=centre.settings_view(account),
        versions=centre.VERSIONS,
        signature_keys=centre.SIGNATURE_KEYS,
        event_types=sorted(EVENT_TYPES),
        fault_kinds=FAULT_KINDS,
        paths=API_PATHS,
        card_companies=codes.CARD_COMPANIES,
        banks=codes.BANKS,
    )


def _told(code: str) -> str:
    return f"{texts('*', code)[0]} ({code})" if code else ""


def _go(section: str, problem: str = "", order: str = "") -> Response[None]:
    asked = urlencode({name: value for name, value in (("problem", problem), ("order", order)) if value})
    target = f"{HOME}/{section}" + (f"?{asked}" if asked else "")
    return Response(None, status_code=303, headers={"location": target, "cache-control": "no-store"})


def _from_here(request: AnyRequest) -> bool:
    """Whether a form was sent by this page: the cookie is SameSite=Strict, and the origin must be ours."""
    origin = request.headers.get("origin", "")
    return origin in ("", "null") or urlsplit(origin).netloc == request.headers.get("host", "")


@post("/sandbox/console/login", status_code=303)
async def login(request: AnyRequest, door: Door) -> Response[None]:
    """Keep the key in a session cookie."""
    try:
        key = _known_key(str((await read_form(request)).get("key", "")))
    except TossError as error:
        return _go("payments", error.code)
    response = _go("payments")
    response.set_cookie(COOKIE, key, path=HOME, httponly=True, samesite="strict")
    return response


@post("/sandbox/console/logout", status_code=303)
async def logout() -> Response[None]:
    """Forget the key."""
    response = _go("payments")
    response.delete_cookie(COOKIE, path=HOME)
    return response


@post("/sandbox/console/do/{action:str}", status_code=303)
async def act(request: AnyRequest, door: Door, action: str) -> Response[None]:
    """One button of the page. The answer leads back to where it was pressed."""
    account = _account(request, door)
    if account is None or not _from_here(request):
        await drain(request)
        return _go("payments")
    problem = section = order = ""
    try:
        form = await read_form(request)
        section, order = str(form.pop("section", "payments")), str(form.pop("order", ""))
        if action not in ACTIONS:
            raise TossError("NOT_FOUND")
        sweep(account)
        ACTIONS[action](door, account, form)
    except TossError as error:
        problem = error.code
    door.store.commit()
    door.dispatcher.wake()
    return _go(section if section in SECTIONS else "payments", problem, order)


def _register(account: Account, form: dict[str, object]) -> object:
    events = [name for name in EVENT_TYPES if form.get(f"event:{name}") is True]
    return steering.register_webhook(account, Params({"url": form.get("url"), "events": events}))


def _expire(account: Account, form: dict[str, object]) -> object:
    return expiry.expire(account, _named(form, "paymentKey"))


def _refund(account: Account, form: dict[str, object]) -> object:
    return virtual_accounts.order_refund_outcome(account, _named(form, "orderId"), Params(form))


def _cancel(account: Account, form: dict[str, object]) -> object:
    if "accountNumber" in form:
        names = "bank", "accountNumber", "holderName"
        form["refundReceiveAccount"] = {name: form.pop(name) for name in names if name in form}
    key = _named(form, "paymentKey")
    return cancel.cancel(account, key, cancel.read_cancel(Params(form), account.decimals_of(key)))


def _deliver(account: Account, form: dict[str, object]) -> object:
    return escrow.deliver(account, _named(form, "paymentKey"), received=form.get("received") is True)


def _deposit(door: Door, account: Account, form: dict[str, object]) -> object:
    return virtual_accounts.deposit(account, _named(form, "orderId"), Params({}), door.settings.public_url)


def _order_fault(account: Account, form: dict[str, object]) -> object:
    """A field's value is JSON; what is none counts as a text."""
    if "value" in form:
        with suppress(msgspec.DecodeError):
            form["value"] = msgspec.json.decode(str(form["value"]))
    return steering.order_fault(account, Params(form))


def _named(form: dict[str, object], name: str = "id") -> str:
    return str(form.get(name, ""))


def _reset(account: Account) -> None:
    account.reset()


ACTIONS: dict[str, Action] = {
    "clock": lambda door, account, form: steering.change_clock(account, _named(form, "action"), Params(form)),
    "cancel": lambda door, account, form: _cancel(account, form),
    "deposit": _deposit,
    "reverse": lambda door, account, form: virtual_accounts.reverse(account, _named(form, "orderId")),
    "expire": lambda door, account, form: _expire(account, form),
    "refund": lambda door, account, form: _refund(account, form),
    "deliver": lambda door, account, form: _deliver(account, form),
    "delete-billing": lambda door, account, form: billing.delete(account, _named(form), None),
    "settings": lambda door, account, form: centre.change_settings(account, Params(form)),
    "register-webhook": lambda door, account, form: _register(account, form),
    "remove-webhook": lambda door, account, form: steering.remove_webhook(account, _named(form)),
    "resend": lambda door, account, form: steering.resend(account, _named(form)),
    "order-fault": lambda door, account, form: _order_fault(account, form),
    "remove-fault": lambda door, account, form: steering.remove_faults(account, _named(form)),
    "clear-faults": lambda door, account, form: steering.remove_faults(account, None),
    "reset": lambda door, account, form: _reset(account),
}

HANDLERS: list[ControllerRouterHandler] = [home, show_section, login, logout, act]
