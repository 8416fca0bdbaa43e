"""Dataclasses as JSON documents that name their schema; a reader refuses a major it does not know.

Every document class has `SCHEMA = "moeprof.<name>/<major>.<minor>"`, which stands first in its
file. A minor adds optional fields, which an older reader ignores; a major changes a meaning.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from .atomic import write_whole
from .errors import BadInput


class Document(Protocol):
    """A frozen dataclass with a schema name."""

    SCHEMA: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


D = TypeVar("D", bound=Document)


@cache
def _adapter(cls: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def to_json(document: Document) -> str:
    """Text of a document: the schema first, two spaces of indent, a newline at the end.

    The same document gives the same bytes. A number that JSON lacks (NaN, infinity) is refused
    with ValueError: unmeasured is None.
    """
    cls = type(document)
    fields = _adapter(cls).dump_python(document, mode="python")
    body = {"schema": cls.SCHEMA, **fields}
    return json.dumps(body, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_document(path: Path, document: Document) -> None:
    """Write a document whole. Raises BadInput where `path` cannot be written."""
    write_whole(path, to_json(document))


def read_document(path: Path, cls: type[D]) -> D:
    """Read a document of class `cls`.

    Raises BadInput where the file is missing, is no JSON, is of another schema or of a major that
    this version does not know, or where a field is missing or of the wrong type.
    """
    name, _, known = cls.SCHEMA.partition("/")
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist", hint=f"it should hold a {name}") from None
    except (IsADirectoryError, PermissionError) as error:
        raise BadInput(f"cannot read {path}: {(error.strerror or '').lower()}") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, or not JSON
        raise BadInput(f"{path} is not JSON: {error}", hint=f"it should hold a {name}") from error
    schema = body.get("schema") if isinstance(body, dict) else None
    if not isinstance(schema, str) or schema.partition("/")[0] != name:
        raise BadInput(f"{path} holds {schema or 'no schema name'!r}, not a {name}")
    if schema.partition("/")[2].partition(".")[0] != known.partition(".")[0]:
        raise BadInput(
            f"{path} is {schema}, and this moeprof knows {cls.SCHEMA}",
            hint="read it with the moeprof that wrote it, or make it anew",
        )
    try:
        return _adapter(cls).validate_python(body)  # type: ignore[no-any-return]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput(f"{path} is not a valid {name}: {where}: {first['msg'].lower()}") from error


def json_schema(cls: type[Document]) -> str:
    """JSON Schema of a document class, as published beside this file."""
    schema = _adapter(cls).json_schema()
    name, _, version = cls.SCHEMA.partition("/")
    pattern = f"^{re.escape(name)}/{version.partition('.')[0]}\\.[0-9]+$"
    first = {"schema": {"type": "string", "pattern": pattern}}
    schema["properties"] = first | schema["properties"]
    schema["required"] = ["schema", *schema["required"]]
    schema["title"] = cls.SCHEMA
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2) + "\n"
