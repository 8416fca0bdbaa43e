"""Dataclasses as JSON documents that name their schema; a reader refuses a major it does not know.

Every document class has `SCHEMA = "moeprof.<name>/<major>.<minor>"`, which stands first in its
file. A minor adds optional fields, which an older reader ignores; a major changes a meaning. The
types of the fields say what is read: a text is no number, and Count, Size and so on carry a rule.
"""

import json
import re
from collections import Counter
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, NoReturn, Protocol, TypeVar

import msgspec

from .errors import BadInput, shortened, unknown_schema
from .files import cannot_read, refuse_irregular, write_whole


class Document(Protocol):
    """A frozen dataclass with a schema name, and the way out where its file cannot be read."""

    SCHEMA: ClassVar[str]
    WAY_OUT: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


D = TypeVar("D", bound=Document)

# Types of fields with their rule, which a file must keep; for a type checker the plain type.
Count = Annotated[int, msgspec.Meta(ge=0)]
Small = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]  # a count that tables hold in 32 bits
Size = Annotated[int, msgspec.Meta(ge=1)]  # such as a batch size
Amount = Annotated[float, msgspec.Meta(ge=0)]  # such as a time, or an error of a model
Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
MAX_LOG_RATIO: Final = 100.0  # |log| ratio of any two latencies or energies in a model, at most
LogRatio = Annotated[float, msgspec.Meta(ge=0, le=MAX_LOG_RATIO)]
# Name of a file or folder, which cannot lead out of the folder that it is in.
Name = Annotated[str, msgspec.Meta(pattern=r"^(?!\.{1,2}$)[^/\\]+$", max_length=255)]

MOST_BYTES: Final = 32 << 20  # a model of 200,000 measured sizes has 20 MB
_LONGEST_COMPLAINT: Final = 160  # a value of a file may be of any length
_INT64_DIGITS: Final = len("-9223372036854775808")
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")  # JSON's escape of half a pair
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
    return from_json(path, read_json(path, cls), cls)


def from_json(path: Path, body: dict[str, Any], cls: type[D]) -> D:
    """Make a document of the JSON object at `path`. Raises BadInput where a field is wrong."""
    updated = getattr(cls, "updated", None)
    try:
        return msgspec.convert(body if updated is None else updated(body), cls)
    except msgspec.ValidationError as error:
        complaint, _, place = str(error).partition(" - at `$")
        where = place.translate(_DOTTED).strip(".`") or "the whole"
        complaint = shortened(f"{complaint[:1].lower()}{complaint[1:]}", _LONGEST_COMPLAINT)
        raise _invalid(path, cls, f"{where}: {complaint}") from error


def _invalid(path: Path, cls: type[Document], complaint: str) -> BadInput:
    name = cls.SCHEMA.partition("/")[0]
    return BadInput(f"{path} is not a valid {name}: {complaint}", hint=cls.WAY_OUT)


def read_json(path: Path, cls: type[Document]) -> dict[str, Any]:
    """Read the JSON object of a document of class `cls`, its fields unchecked.

    Raises BadInput as `read_document` does, but for the fields.
    """
    name = cls.SCHEMA.partition("/")[0]
    refuse_irregular(path, hint=cls.WAY_OUT)
    try:
        body = _parsed(_text(path))
    except FileNotFoundError:
        raise BadInput(
            f"{path} does not exist, and should hold a {name}", hint=cls.WAY_OUT
        ) from None
    except OSError as error:
        raise cannot_read(path, error, hint=cls.WAY_OUT) from error
    except UnicodeDecodeError as error:
        raise _no_json(path, cls, f"byte {error.start} is not UTF-8") from error
    except ValueError as error:
        raise _no_json(path, cls, str(error)) from error
    except RecursionError as error:
        raise _no_json(path, cls, "it is nested too deeply") from error
    schema = body.get("schema") if isinstance(body, dict) else None
    if not isinstance(schema, str) or schema.partition("/")[0] != name:
        found = shortened(schema) if isinstance(schema, str) else "no schema name"
        raise BadInput(f"{path} holds {found!r}, not a {name}", hint=cls.WAY_OUT)
    if _major(schema) != _major(cls.SCHEMA):
        way_out = "read it with the moeprof that wrote it, or make it anew"
        raise unknown_schema(path, schema, cls.SCHEMA, way_out=way_out)
    return dict(body)


def _text(path: Path) -> str:
    """The text of a file. Raises ValueError where it is too long to be a document."""
    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(f"it has {size} bytes, and a document has at most {MOST_BYTES}")
    return path.read_text(encoding="utf-8")


def _parsed(text: str) -> Any:
    body = json.loads(
        text,
        parse_constant=_refuse_constant,
        parse_float=_finite,
        parse_int=_of_64_bits,
        object_pairs_hook=_without_twins,
    )
    if _SURROGATE.search(text):
        try:
            json.dumps(body, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("a text holds half a UTF-16 pair, which is no character") from None
    return body


def _no_json(path: Path, cls: type[Document], why: str) -> BadInput:
    return BadInput(f"{path} is not JSON: {why}", hint=cls.WAY_OUT)


def _without_twins(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """The members of an object: of two of one name, readers differ in which one counts."""
    body = dict(members)
    if len(body) < len(members):
        ((twice, _),) = Counter(name for name, _ in members).most_common(1)
        raise ValueError(f"an object has {shortened(twice)!r} twice")
    return body


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _finite(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise ValueError(f"{shortened(digits)} is beyond the range of a double")
    return value


def _of_64_bits(digits: str) -> int:
    if len(digits) > _INT64_DIGITS or not -(2**63) <= (value := int(digits)) < 2**63:
        raise ValueError(f"{shortened(digits)} does not fit into 64 bits")
    return value


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
