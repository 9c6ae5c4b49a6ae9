"""What is wrong for a field, by its schema. Values are written JSON, so that broken JSON can be among them."""

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.http.doors import Field

HERE = "@@here@@"


@dataclass(frozen=True, kw_only=True)
class Bad:
    """One wrong value; ``within`` is where in the field the trouble is; ``broken``: it is not JSON at all."""

    raw: bytes
    within: str = ""
    broken: bool = False


def _json(value: object) -> Bad:
    return Bad(raw=json.dumps(value).encode())


def _broken(raw: bytes) -> Bad:
    return Bad(raw=raw, broken=True)


# Control characters and line ends are wrong in every text, whatever its pattern says: a pattern may be the culprit.
_CONTROL = [
    "\x00",
    "a\x00",
    "\x01b",
    "a\n",
    "\na",
    "a\r\nb",
    "a\tb",
    "a\x1f",
    "a\x7f",
    "a\x85",
    "a\u2028b",
    " ",
    "\u3000",
]
# And so is what nobody can see, or what turns the line around.
_CONTROL += [
    f"a{chr(sign)}b" for sign in (0xAD, 0x115F, 0x200B, 0x200D, 0x200F, 0x202A, 0x202E, 0x2060, 0x2066, 0x2069)
]
_CONTROL += [f"a{chr(sign)}b" for sign in (0x2800, 0x3164, 0xE000, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFFE, 0xE0041, 0xE0100)]
_BROKEN_TEXT = [
    rb'"\ud800"',
    rb'"\udfff"',
    rb'"a\ud83dz"',
    b'"a\x00"',
    b'"a\nb"',
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b'"\xc0\x80"',
    b'"\\x41"',
    b"'a'",
    b'"a',
]
_BROKEN_NUMBER = [b"NaN", b"Infinity", b"-Infinity", b"0x10", b"01", b"+1", b"1_000", b"1,000", b"1.", b".5", b"--1"]
_ODD_WORDS = [
    "한글",
    "a b",
    "a/b",
    "../../etc/passwd",
    "'; DROP TABLE orders; --",
    "<script>",
    "a%00",
    "\u202ea",
    "😀",
    "１２３４５６７８",
    "a@b@c",
    "javascript:alert(1)",
    "//shop.example/x",
]
_TIMES: list[object] = [
    0,
    1_800_000_000,
    1.5,
    True,
    [],
    {},
    "0001-01-01T00:00:00+23:59",
    "0001-01-01T00:00:00Z",
    "1999-12-31T23:59:59Z",
    "3000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-23:59",
    "9999-12-31T23:59:59Z",
    "10000-01-01T00:00:00Z",
    "2027-01-01T00:00:00",
    "2027-01-01",
    "2027-02-30T00:00:00Z",
    "2027-13-01T00:00:00Z",
    "2027-01-01T24:00:00Z",
    "2027-01-01T23:59:60Z",
    "2027-01-01T00:00:00+24:00",
    "2027-01-01T00:00:00+99:99",
    "2027-01-01T00:00:00 Asia/Seoul",
    "tomorrow",
    "",
    "\u0000",
    "1800000000",
]


_NO_BOOLEANS: list[object] = [0, 1, -1, 1.5, "true", "false", "", "null", [], {}, [True]]


def bad_values(field: Field) -> list[Bad]:
    """Everything that must be refused in place of a valid value of this field."""
    schema = field.schema
    if schema["type"] == "integer":
        found = _bad_integers(schema)
    elif schema["type"] == "object" and "properties" in schema:
        found = _bad_objects(schema)
    elif schema["type"] == "object":
        found = _bad_maps()
    elif schema["type"] == "array":
        found = _bad_lists(schema)
    elif schema["type"] == "boolean":
        found = [_json(value) for value in _NO_BOOLEANS] + [_broken(raw) for raw in (b"True", b"yes", b"tru")]
    elif schema.get("format") == "date-time":
        found = [_json(value) for value in _TIMES]
    else:
        assert schema["type"] == "string", f"no bad values are known for {schema}"
        found = _bad_texts(schema)
    return found + ([] if field.nullable else [_json(None)])


def _bad_texts(schema: dict[str, Any]) -> list[Bad]:
    wrong: list[object] = [1, 0, -1, 1.5, True, False, [], {}, ["a"], {"a": "b"}, ""]
    if "enum" in schema or "const" in schema:
        right = schema.get("enum", [schema.get("const")])
        wrong += ["nope", "null", *(word.swapcase() for word in right if word.swapcase() not in right)]
        wrong += [f" {right[0]}", f"{right[0]}\n", f"{right[0]}\x00", right]
    else:
        fitting = [word for word in _ODD_WORDS if not re.search(schema["pattern"], word)]
        wrong += [*_CONTROL, *fitting, "a" * (schema["maxLength"] + 1), "1" * 100_000]
        wrong += ["a" * (schema["minLength"] - 1)]
    return [_json(value) for value in wrong] + [_broken(raw) for raw in _BROKEN_TEXT]


def _bad_integers(schema: dict[str, Any]) -> list[Bad]:
    wrong: list[object] = [-1, -(2**31), -(2**63), -(2**63) - 1, 2**63, 2**64, 10**18, 10**40, -(10**40)]
    wrong += [int(schema["maximum"]) + 1, 1.5, True, False, "1000", "", "one", [], {}, [1000], {"amount": 1}]
    wrong += [0] if schema.get("minimum", 0) > 0 else []
    raw = [b"1000.0", b"1e3", b"1E3", b"1.0e0", b"1e400", b"-1e400", b"1e-400", b"-0.0", b"9" * 5000]
    return (
        [_json(value) for value in wrong] + [Bad(raw=number) for number in raw] + [_broken(x) for x in _BROKEN_NUMBER]
    )


def _bad_objects(schema: dict[str, Any]) -> list[Bad]:
    values: list[object] = [[], [{}], "", "{}", 0, 1, True]
    wrong = [_json(value) for value in values]
    (first, *_) = schema["required"]
    return [
        *wrong,
        Bad(raw=b"{}", within=min(schema["required"], key=list(schema["properties"]).index)),
        Bad(raw=b'{"%s": null}' % first.encode(), within=first),
        _broken(b"{]"),
        _broken(b"[" * 100_000),
    ]


def _bad_lists(schema: dict[str, Any]) -> list[Bad]:
    good = "*"
    wrong: list[object] = ["", good, 1, True, {}, {"0": good}, [], [good] * (schema["maxItems"] + 1)]
    items: list[object] = [1, None, True, [good], {}]
    found = [_json(value) for value in wrong]
    found += [Bad(raw=json.dumps([good, item]).encode(), within="[1]") for item in items]
    return found + [_broken(raw) for raw in (b"[", b'["*";]', b'["*",]', b"['*']")]


def _bad_maps() -> list[Bad]:
    wrong: list[object] = [[], "", "{}", 1, True]
    values: list[object] = [
        1,
        None,
        True,
        [],
        {},
        {"b": "c"},
        "a\x00",
        "a\n",
        "a\x1b",
        "a\u202eb",
        "\ufeff",
        "a\U000e0041",
        "x" * 2001,
    ]
    wrong += [{"": "x"}, {"a" * 41: "x"}, {"a\x00": "x"}, {"a\n": "x"}, {"a\x7f": "x"}, {"a\u200b": "x"}]
    wrong += [{"a": value} for value in values]
    wrong += [{str(number): "x" for number in range(21)}]
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    return [
        *(_json(value) for value in wrong),
        Bad(raw=deep),
        Bad(raw=b'{"a": "1", "a": "2"}', within="a"),
        _broken(b'{"a": "b",}'),
        _broken(b'{"a" "b"}'),
        _broken(rb'{"\ud800": "b"}'),
        _broken(rb'{"a": "\udc00"}'),
        _broken(b'{"\xff": "b"}'),
    ]


def written(body: dict[str, Any], path: tuple[str, ...], raw: bytes) -> bytes:
    """``body`` as JSON with ``raw`` in the place of one field."""
    copy = json.loads(json.dumps(body))
    holder_of(copy, path)[path[-1]] = HERE
    return json.dumps(copy, ensure_ascii=False).encode().replace(f'"{HERE}"'.encode(), raw)


def holder_of(body: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    holder = body
    for name in path[:-1]:
        holder = holder[name]
    return holder
