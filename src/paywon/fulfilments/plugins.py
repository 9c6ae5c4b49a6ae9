"""Finding the fulfilments that other packages bring: entry points of the group ``paywon.fulfilments``."""

import re
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from paywon.capsules.commands import CapsuleFulfilment
from paywon.fulfilments.commands import Fulfilments
from paywon.fulfilments.protocol import ENTRY_POINTS, Fulfilment
from paywon.orders.model import KIND, FulfilmentKind

_OWN: Final = frozenset(map(str, FulfilmentKind))


class BadPlugin(Exception):  # noqa: N818 - it is told to whoever starts paywon
    """An installed plug-in cannot be used; the message says which, and why."""


def installed(*, capsule_price_krw: int | None = None) -> Fulfilments:
    """Answer the bundled fulfilment and those of every installed plug-in.

    ``capsule_price_krw`` is the price of a time capsule for each of its people, for orders of an app's own users.

    Raises:
        BadPlugin: one cannot be loaded, is none, or bears a name that is taken.
    """
    found: dict[str, Fulfilment] = {FulfilmentKind.TIME_CAPSULE: CapsuleFulfilment(price_krw=capsule_price_krw)}
    for point in entry_points(group=ENTRY_POINTS):
        if not re.fullmatch(KIND, point.name):
            raise BadPlugin(f"{_named(point)}: a kind is written {KIND}")
        if point.name in _OWN or point.name in found:
            raise BadPlugin(f"{_named(point)}: there is a fulfilment of this name already")
        found[point.name] = _loaded(point)
    return Fulfilments(found)


def _loaded(point: EntryPoint) -> Fulfilment:
    try:
        target = point.load()
        made = target() if isinstance(target, type) else target
    except Exception as error:
        raise BadPlugin(f"{_named(point)}: {type(error).__name__}: {error}") from error
    if not isinstance(made, Fulfilment):
        raise BadPlugin(f"{_named(point)}: has to have check, fulfil and reverse")
    return made


def _named(point: EntryPoint) -> str:
    package = point.dist.name if point.dist is not None else "?"
    return f"{ENTRY_POINTS} {point.name} = {point.value} ({package})"
