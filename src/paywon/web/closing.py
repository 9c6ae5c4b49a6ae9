"""Tells the OpenAPI document what bodies refuse and Litestar 2.25 does not read off them.

That is unknown fields, and what the items of lists and the members of objects have to be. tests/contract holds the API
and its document together.
"""

from collections.abc import Callable, Iterator

import msgspec
from litestar.openapi.spec import OpenAPIType, Reference, Schema
from msgspec import inspect


def close(model: type[msgspec.Struct], schema_of: Callable[[type], Schema]) -> None:
    """Complete the schemas of a body and of all structs in it; ``schema_of`` finds them."""
    for struct in _structs(inspect.type_info(model)):
        schema = schema_of(struct.cls)
        schema.additional_properties = False
        for field in struct.fields:
            found = (schema.properties or {}).get(field.encode_name)
            if isinstance(found, Schema):
                _tell_within(field.type, found)


def _structs(info: inspect.Type) -> Iterator[inspect.StructType]:
    if isinstance(info, inspect.StructType):
        yield info
    for inner in _parts(info):
        yield from _structs(inner)


def _parts(info: inspect.Type) -> list[inspect.Type]:
    match info:
        case inspect.StructType():
            return [field.type for field in info.fields]
        case inspect.UnionType():
            return list(info.types)
        case inspect.ListType():
            return [info.item_type]
        case inspect.Metadata():
            return [info.type]
    return []


def _tell_within(info: inspect.Type, schema: Schema) -> None:
    match info:
        case inspect.Metadata():
            _tell_within(info.type, schema)
        case inspect.UnionType():
            for option in schema.one_of or ():
                for inner in info.types:
                    if isinstance(option, Schema):
                        _tell_within(inner, option)
        case inspect.ListType() if schema.type is OpenAPIType.ARRAY:
            schema.items = _text(info.item_type) or schema.items
        case inspect.DictType() if schema.type is OpenAPIType.OBJECT:
            schema.property_names = _text(info.key_type)
            schema.additional_properties = _text(info.value_type)
            schema.max_properties = info.max_length


def _text(info: inspect.Type) -> Reference | Schema | None:
    if not isinstance(info, inspect.StrType):
        return None
    return Schema(type=OpenAPIType.STRING, min_length=info.min_length, max_length=info.max_length, pattern=info.pattern)
