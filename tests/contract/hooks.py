"""What Schemathesis has to be told beside the document. It loads this file in its own process."""

from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode, HookContext


@schemathesis.hook
def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:
    """Make good what is meant to be good and no schema can ask for.

    A cursor is made by paywon alone, so what is made up has none; good ones are sent by tests/http. And to JSON Schema
    1.0 is an integer, where paywon wants amounts of won written as such. Both still come where they are to be refused.
    """
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return case
    if case.query:
        case.query.pop("cursor", None)
    case.body = _whole(case.body)
    return case


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
