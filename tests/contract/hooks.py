"""What Schemathesis has to be told beside the document. It loads this file in its own process."""

import sys
from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode, HookContext

_LARGEST = 2**63 - 1
# Where userId may be left out, if a user's token asks.
_FOR_SOMEBODY = frozenset({"/payments/request", "/api/orders"})
_BY_A_SERVER = any("Bearer pwk_" in argument for argument in sys.argv)


@schemathesis.hook
def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:
    """Make good what is meant to be good and no schema can ask for.

    A cursor is made by paywon alone, so what is made up has none; good ones are sent by tests/http. To JSON Schema 1.0
    is an integer, where paywon wants amounts of won written as such. And a webhook may have fields that nobody knows,
    but no integers beyond 64 bits in them. A server says for whom it orders, a user's token says so itself. All of it
    still comes where it is to be refused.
    """
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return case
    if case.query:
        case.query.pop("cursor", None)
    case.body = _whole(case.body)
    if _BY_A_SERVER and case.operation.path in _FOR_SOMEBODY and isinstance(case.body, dict):
        case.body["userId"] = case.body.get("userId") or "user-7"
    return case


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return 0 if isinstance(value, int) and abs(value) > _LARGEST else value
