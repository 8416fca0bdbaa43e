"""Dataclasses as JSON documents that name their schema; a reader refuses a major it does not know.

Every document class has `SCHEMA = "moeprof.<name>/<major>.<minor>"`, which stands first in its
file. A minor adds optional fields, which an older reader ignores; a major changes a meaning.
"""

import json
import re
from pathlib import Path
from typing import Any, ClassVar, Final, NoReturn, Protocol, TypeVar

import msgspec

from .errors import BadInput, unknown_schema
from .files import write_whole


class Document(Protocol):
    """A frozen dataclass with a schema name."""

    SCHEMA: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


D = TypeVar("D", bound=Document)

_DOTTED: Final = str.maketrans({"[": ".", "]": None})  # ops[0].domain as ops.0.domain


def to_json(document: Document) -> str:
    """Text of a document: the schema first, two spaces of indent, a newline at the end.

    The same document gives the same bytes. A number that JSON lacks (NaN, infinity) is refused
    with ValueError: unmeasured is None.
    """
    body = {"schema": document.SCHEMA, **msgspec.to_builtins(document)}
    return json.dumps(body, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_document(path: Path, document: Document) -> None:
    """Write a document whole. Raises BadInput where `path` cannot be written."""
    write_whole(path, to_json(document))


def read_document(path: Path, cls: type[D]) -> D:
    """Read a document of class `cls`.

    A class may have a static method `updated`, which turns the body of an older minor into that of
    the current one. Raises BadInput where the file is missing, is not JSON, has another schema or
    a major that this version does not know, or where a field is missing or of the wrong type.
    """
    body = read_json(path, cls)
    updated = getattr(cls, "updated", None)
    try:
        return msgspec.convert(body if updated is None else updated(body), cls, strict=False)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:  # half a UTF-16 pair
        complaint, _, place = str(error).partition(" - at `$")
        where = place.translate(_DOTTED).strip(".`") or "the whole"
        name = cls.SCHEMA.partition("/")[0]
        raise BadInput(f"{path} is not a valid {name}: {where}: {complaint.lower()}") from error


def read_json(path: Path, cls: type[Document]) -> dict[str, Any]:
    """Read the JSON object of a document of class `cls`, its fields unchecked.

    Raises BadInput as `read_document` does, but for the fields.
    """
    name = cls.SCHEMA.partition("/")[0]
    try:
        body = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist", hint=f"it should hold a {name}") from None
    except (IsADirectoryError, PermissionError) as error:
        raise BadInput(f"cannot read {path}: {(error.strerror or '').lower()}") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, or not JSON
        raise BadInput(f"{path} is not JSON: {error}", hint=f"it should hold a {name}") from error
    schema = body.get("schema") if isinstance(body, dict) else None
    if not isinstance(schema, str) or schema.partition("/")[0] != name:
        raise BadInput(f"{path} holds {schema or 'no schema name'!r}, not a {name}")
    if _major(schema) != _major(cls.SCHEMA):
        way_out = "read it with the moeprof that wrote it, or make it anew"
        raise unknown_schema(path, schema, cls.SCHEMA, way_out=way_out)
    return dict(body)


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _major(schema: str) -> str:
    return schema.partition("/")[2].partition(".")[0]


def json_schema(cls: type[Document]) -> str:
    """JSON Schema of a document class, as published beside this file."""
    name, _, version = cls.SCHEMA.partition("/")
    (_,), components = msgspec.json.schema_components([cls], ref_template="#/$defs/{name}")
    schema = components.pop(cls.__name__)
    pattern = f"^{re.escape(name)}/{version.partition('.')[0]}\\.[0-9]+$"
    first = {"schema": {"type": "string", "pattern": pattern}}
    published = schema | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": cls.SCHEMA,
        "properties": first | schema["properties"],
        "required": ["schema", *schema["required"]],
        "$defs": components,
    }
    return json.dumps(published, indent=2) + "\n"
