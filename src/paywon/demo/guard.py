"""What keeps the demo's pages safe: where a form may come from, what a page may load, how a form is read."""

import ipaddress
import re
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from paywon.base.errors import PaywonError
from paywon.web.body import invalid_field

AnyRequest = Request[Any, Any, Any]
T = TypeVar("T")

_MAX_FIELDS: Final = 30
_PLAIN_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+", re.ASCII)
# Where Toss's own payment windows live; browsers hold form-action against redirects of forms too.
_TOSS_WINDOWS: Final = "https://*.tosspayments.com https://*.toss.im"


def page_headers(sandbox_url: str | None) -> dict[str, str]:
    """Answer the headers of every page: nothing foreign is loaded, framed, kept or told where we came from."""
    windows = _origin(sandbox_url) if sandbox_url else _TOSS_WINDOWS
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {windows}"
    )
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        # Not no-referrer: with it a browser says "Origin: null" even to ourselves, and forms are told apart by Origin.
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }


def _origin(url: str) -> str:
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    return origin if _PLAIN_ORIGIN.fullmatch(origin) else ""


def require_known_host(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Refuse a name that is not ours: a page of the web may have its own name resolve to this machine.

    Raises:
        PaywonError: INVALID_REQUEST.
    """
    name = _hostname(f"//{connection.headers.get('host', '')}")
    ours = _hostname(connection.app.state.house.settings.app_base_url)
    if name in ("", "localhost", ours) or name.endswith(".localhost") or _is_ip_address(name):
        return
    raise PaywonError(
        "INVALID_REQUEST",
        field="Host",
        hint_ko=f"{name} 은(는) 이 상점의 주소가 아닙니다. APP_BASE_URL로 알려 주세요.",
        hint_en=f"{name} is no address of this shop; name it in APP_BASE_URL.",
    )


def _hostname(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return "?"


def _is_ip_address(name: str) -> bool:
    """Nobody can make a bare address their own, so it is no foreign name; a phone on the same network uses one."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def comes_from_our_page(request: AnyRequest) -> bool:
    """Tell whether a form was sent by one of our own pages, as the browser itself says."""
    if (site := request.headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    # Browsers leave Sec-Fetch-Site out on plain http away from localhost, such as a phone on the same network.
    return urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host")


async def read_form(request: AnyRequest, shape: type[T]) -> T:
    """Read a form into ``shape``; fields that were left empty are absent, unknown ones do not matter.

    Raises:
        PaywonError: INVALID_REQUEST, naming the field, or for a form from somewhere else.
    """
    if not comes_from_our_page(request):
        raise PaywonError(
            "INVALID_REQUEST",
            hint_ko="이 상점의 페이지에서 보낸 양식이 아닙니다.",
            hint_en="The form was not sent from a page of this shop.",
        )
    try:
        pairs = parse_qsl((await request.body()).decode(), max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise PaywonError(
            "INVALID_REQUEST", hint_ko="양식을 읽을 수 없습니다.", hint_en="The form cannot be read."
        ) from None
    return read_values(dict(pairs), shape)


def read_values(values: dict[str, str], shape: type[T]) -> T:
    """Read texts of a form or a query into ``shape``.

    Raises:
        PaywonError: INVALID_REQUEST, naming the field.
    """
    given = {name: value.strip() for name, value in values.items() if value.strip()}
    try:
        return msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as error:
        raise invalid_field(str(error)) from None


def is_web_address(url: str | None) -> bool:
    """Tell whether a link may be shown: a ``javascript:`` address from outside never becomes one."""
    return url is not None and url.startswith(("https://", "http://"))
