"""Query parameters, as strict as bodies: none unknown, none twice, and a number is written in digits."""

import re
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import DependencyKwarg, ParameterKwarg
from litestar.typing import FieldDefinition

from paywon.web.body import invalid_field
from paywon.web.cards import refuse_card_number
from paywon.web.choices import choices_of

_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]+")
_NOT_QUERY: Final = frozenset({"data", "request", "state", "self"})


def exact_query(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard that refuses what Litestar would overlook or bend.

    A misspelt ``userid`` must not list everybody's payments, ``page=1e3`` is no page, and ``null`` no status.

    Raises:
        PaywonError: INVALID_REQUEST naming the parameter.
    """
    known = _query_parameters(handler, set(connection.path_params))
    seen = set()
    for name, text in connection.query_params.multi_items():
        parameter = known.get(name)
        if parameter is None:
            raise invalid_field(f"Query contains unknown field `{name}`")
        if name in seen:
            raise invalid_field(f"Query repeats field `{name}`")
        seen.add(name)
        refuse_card_number(name, text)
        if parameter.is_subclass_of(int) and not _WHOLE_NUMBER.fullmatch(text):
            raise invalid_field("wants digits only", field=name)
        choices = choices_of(parameter.annotation)
        if (choices and text not in choices) or (parameter.is_optional and text.lower() == "null"):
            raise invalid_field("Invalid enum value", field=name, choices=choices)


def camel(name: str) -> str:
    """``payment_key`` → ``paymentKey``, as callers spell it."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _query_parameters(handler: BaseRouteHandler, path_names: set[str]) -> dict[str, FieldDefinition]:
    return {
        (found.kwarg_definition.query if isinstance(found.kwarg_definition, ParameterKwarg) else None) or name: found
        for name, found in handler.parsed_fn_signature.parameters.items()
        if name not in _NOT_QUERY | path_names and not isinstance(found.kwarg_definition, DependencyKwarg)
    }
