"""The words that a field takes, where they are few: for the error about another one."""

from functools import cache
from typing import Any

from msgspec import inspect


@cache
def choices_of(kind: Any) -> list[str]:
    """Answer the values of an enumeration, also inside an optional or a list; none for any other type."""
    return _words(inspect.type_info(kind))


def choices_at(model: type, path: str) -> list[str]:
    """Answer the values that a field of a body takes; ``path`` as its callers spell it, ``fulfilment.timeOption``."""
    info = inspect.type_info(model)
    for name in path.split("."):
        fields = [field for struct in _structs(info) for field in struct.fields if field.encode_name == name]
        if not fields:
            return []
        info = fields[0].type
    return _words(info)


def _structs(info: inspect.Type) -> list[inspect.StructType]:
    match info:
        case inspect.StructType():
            return [info]
        case inspect.UnionType():
            return [struct for option in info.types for struct in _structs(option)]
        case inspect.Metadata():
            return _structs(info.type)
    return []


def _words(info: inspect.Type) -> list[str]:
    match info:
        case inspect.EnumType():
            return [str(member.value) for member in info.cls]
        case inspect.LiteralType():
            return [str(value) for value in info.values]
        case inspect.UnionType():
            return [word for option in info.types for word in _words(option)]
        case inspect.Metadata():
            return _words(info.type)
        case inspect.ListType():
            return _words(info.item_type)
    return []
