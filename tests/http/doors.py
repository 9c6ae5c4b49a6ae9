"""Every door of the API with every field that it takes, read from the OpenAPI document."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from litestar import Litestar

from paywon.asgi import build_app
from paywon.settings import Settings
from tests.support.stack import SECRET_KEYS

# Exclude validHours, since, or what time_capsule takes, so no example can have both; test_virtual_accounts.py,
# test_http_events.py and tests/examples send them.
EXCLUDED = {"dueDate", "eventId", "options"}


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a body or one parameter; ``schema`` has its references resolved and no null in it."""

    path: tuple[str, ...]
    schema: dict[str, Any]
    nullable: bool
    required: bool

    @property
    def spelling(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, kw_only=True)
class Door:
    method: str
    path: str
    operation: dict[str, Any]
    fields: tuple[Field, ...]
    query: tuple[Field, ...]
    in_path: tuple[Field, ...]
    example: dict[str, Any] | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@cache
def app() -> Litestar:
    """The application, with nothing behind it: only its document is read."""
    settings = {
        "PAYWON_ENV": "development",
        "DATABASE_URL": "postgresql://nowhere/x",
        "TOSS_PAYMENTS_SECRET_KEY": "test_sk_document",
        "PAYWON_SECRET_KEYS": SECRET_KEYS,
    }
    return build_app(Settings.model_validate(settings))


@cache
def document() -> dict[str, Any]:
    schema: dict[str, Any] = app().openapi_schema.to_schema()
    return schema


@cache
def doors() -> tuple[Door, ...]:
    return tuple(
        _door(method, path, operation)
        for path, item in document()["paths"].items()
        for method, operation in item.items()
        if method in ("get", "post", "put", "patch", "delete")
    )


def taking_json() -> list[Door]:
    """The doors with a typed body; the webhook's is taken raw."""
    return [door for door in doors() if door.fields]


def body_schema(operation: dict[str, Any]) -> dict[str, Any] | None:
    content = operation.get("requestBody", {}).get("content", {})
    return resolved(content["application/json"]["schema"])[0] if content else None


def resolved(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """A schema without references and without null, and whether null was allowed."""
    if "$ref" in schema:
        return resolved(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "oneOf" in schema:
        chosen = [option for option in schema["oneOf"] if option != {"type": "null"}]
        assert len(chosen) == 1, "a field has one type, and null perhaps"
        beside = {name: value for name, value in schema.items() if name != "oneOf"}
        return {**resolved(chosen[0])[0], **beside}, True
    return schema, False


def _door(method: str, path: str, operation: dict[str, Any]) -> Door:
    schema = body_schema(operation)
    parameters = operation.get("parameters", [])
    return Door(
        method=method.upper(),
        path=path,
        operation=operation,
        fields=tuple(_fields(schema)) if schema else (),
        query=tuple(_parameter(item) for item in parameters if item["in"] == "query"),
        in_path=tuple(_parameter(item) for item in parameters if item["in"] == "path"),
        example=schema["examples"][0] if schema else None,
    )


def _parameter(item: dict[str, Any]) -> Field:
    schema, nullable = resolved(item["schema"])
    return Field(path=(item["name"],), schema=schema, nullable=nullable, required=item["required"])


def _fields(schema: dict[str, Any], above: tuple[str, ...] = ()) -> list[Field]:
    found = []
    for name, part in schema.get("properties", {}).items():
        if name in EXCLUDED:
            continue
        inner, nullable = resolved(part)
        required = name in schema.get("required", ())
        found.append(Field(path=(*above, name), schema=inner, nullable=nullable, required=required))
        found += _fields(inner, (*above, name))
    return found
