"""An nsys export made safe to share: only what moeprof reads is copied to a new file.

nsys keeps the environment, the command line, host and user names and paths in several tables and
in StringIds. So nothing is deleted from a copy: the new file gets the columns that the parsers
read, and the strings that kernels, ranges and metrics refer to. Those names stay as they are.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from ...store.errors import BadInput
from ...store.files import replacing
from ..messages import NSYS_EXPORT_HINT, Refusal
from ..sqlite_file import PLAIN_TABLES, QueryLimit, connect, immutable_uri, quoted
from .clock import ASKED_SHIFT, NORMALISED, SHIFT
from .export import METADATA_TABLES, open_export
from .gpu_metric_layouts import NOT_WANTED
from .gpu_metrics import metric_column
from .kernels import NAMES
from .power import power_quantity
from .read_columns import READ_COLUMNS

_STRINGS: Final = (
    *(("CUPTI_ACTIVITY_KIND_KERNEL", name) for name in NAMES),
    ("NVTX_EVENTS", "textId"),
    ("GENERIC_EVENT_TYPE_FIELDS", "fieldNameId"),
)
_TEXTS: Final = ("text", "metricName")
_RANGES: Final = "eventType IN (59, 60, 70, 71, 75)"  # not marks: their texts are not read
_LISTED_TABLES: Final = 5
_KEPT_METADATA: Final = ("EXPORT_SCHEMA_VERSION", SHIFT, ASKED_SHIFT, NORMALISED)


def scrub_nsys(path: Path, out: Path) -> tuple[str, ...]:
    """Write the columns that are read to `out`; it parses to the same tables.

    Return what to warn of: what was left out. Raises BadInput where `path` is no intact export or
    `out` cannot be written.
    """
    if out.exists() and out.samefile(path):
        raise BadInput(f"{out} {Refusal.SAME_FILE}", hint="name another file with --out")
    with open_export(path) as export:
        present = {name: export.columns(name) for name in READ_COLUMNS}
        present |= {name: export.columns(name) for name in (*METADATA_TABLES, "StringIds")}
    with replacing(out) as temporary, closing(connect(temporary.absolute().as_uri())) as database:

        def copied() -> list[str]:
            database.execute("PRAGMA journal_mode = OFF")
            database.create_function("known_fields", 1, _known_fields, deterministic=True)
            database.execute("ATTACH ? AS source", [immutable_uri(path)])
            database.execute("BEGIN")
            _copy(database, present)
            database.execute("COMMIT")
            return list(_left_out(database))

        try:
            sentences = QueryLimit.of(path).run(database, copied)
        except sqlite3.Error as error:
            raise BadInput(
                f"{path} {Refusal.UNREADABLE_DATABASE}: {error}", hint=NSYS_EXPORT_HINT
            ) from error
    return tuple(f"{path.name}: {sentence}" for sentence in sentences)


def _copy(database: sqlite3.Connection, present: dict[str, Mapping[str, str]]) -> None:
    """Copy from the attached database `source`; `present` has the columns of each table."""
    for table, wanted in READ_COLUMNS.items():
        columns = [name for name in wanted if name.lower() in present[table]]
        if columns:
            _copy_columns(database, table, columns)
    for table in METADATA_TABLES:
        if {"name", "value"} <= present[table].keys():
            database.execute(
                f"CREATE TABLE {table} AS SELECT name, value FROM source.{table}"
                f" WHERE name IN {_KEPT_METADATA}"
            )
    if {"id", "value"} <= present["StringIds"].keys():
        _copy_strings(database, present)


def _left_out(database: sqlite3.Connection) -> Iterator[str]:
    """Count the rows of the attached database `source` that were not copied."""

    def rows(schema: str) -> dict[str, int]:
        names = database.execute(PLAIN_TABLES.format(schema=schema)).fetchall()
        count = f"SELECT count(*) FROM {schema}.{{}}"
        return {
            name: database.execute(count.format(quoted(name))).fetchone()[0] for (name,) in names
        }

    copied = rows("main")
    others = Counter(rows("source")) - Counter(copied)
    if ranges := others.pop("NVTX_EVENTS", 0):
        yield f"{ranges} NVTX event(s) that are no ranges left out"
    if others:
        listed = [f"{count} of {name}" for name, count in others.most_common(_LISTED_TABLES)]
        more = ["..."] if len(others) > _LISTED_TABLES else []
        yield f"{others.total()} other row(s) left out: {', '.join([*listed, *more])}"


def _copy_strings(database: sqlite3.Connection, present: dict[str, Mapping[str, str]]) -> None:
    """Copy the strings that the copied tables refer to."""
    referred = " UNION ".join(
        f"SELECT {column} FROM {table}"
        for table, column in _STRINGS
        if column.lower() in present[table]
    )
    database.execute(
        "CREATE TABLE StringIds AS SELECT id, value FROM source.StringIds"
        f" WHERE id IN ({referred or 'NULL'})"
    )


def _copy_columns(database: sqlite3.Connection, table: str, columns: list[str]) -> None:
    """Copy columns of a table: of JSON only what is read, of NVTX events only ranges.

    A value of another type than its column's may be a secret: an empty blob takes its place.
    """
    where = ""
    if table == "NVTX_EVENTS":
        where = f"WHERE {_RANGES}" if "eventType" in columns else "WHERE 0"
    chosen = ", ".join(f"{_of_its_type(name)} AS {name}" for name in columns)
    database.execute(f"CREATE TABLE {table} AS SELECT {chosen} FROM source.{table} {where}")


def _of_its_type(column: str) -> str:
    """SQL for a column's values that are of its type; x'' for one that is not."""
    if column == "data":
        return (
            "CASE WHEN typeof(data) IN ('null', 'text') THEN known_fields(CAST(data AS BLOB))"
            " ELSE x'' END"
        )
    types = "'text'" if column in _TEXTS else "'integer', 'real'"
    return f"CASE WHEN typeof({column}) IN ('null', {types}) THEN {column} ELSE x'' END"


def _known_fields(text: bytes | None) -> str | None:
    """Reduce the JSON of an event or of an event type to the metrics that are read.

    An event is {name: value}, a type is {"Fields": [{"Name": name}]}.
    """
    try:
        body = json.loads((text or b"{}").decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    fields = body.get("Fields")
    if isinstance(fields, list):
        names = [field.get("Name") for field in fields if isinstance(field, dict)]
        return json.dumps({"Fields": [{"Name": name} for name in names if _is_known(name)]})
    return json.dumps({name: value for name, value in body.items() if _is_known(name)})


def _is_known(name: object) -> bool:
    return isinstance(name, str) and (
        metric_column(name) is not None or power_quantity(name) != NOT_WANTED
    )
