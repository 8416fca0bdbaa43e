"""Changes of one field of a valid file, by format; each gives the bytes of another file.

A mutator draws a change and returns it in words with the changed bytes. The same draw gives the
same bytes. A new format needs one mutator here; new values for all formats go into VALUES.
"""

import csv
import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from random import Random
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

DEPTH: Final = 100_000
TEXTS: Final = (
    "", " ", "text", "NaN", "inf", "-inf", "1e400", "0", "-1", "1,5", "1.5", "null", "true", "[1]",
    "../../x", "x" * 300, "x" * 100_000, "\U0001f600", "\u202eabc", "a\0b", "line\nbreak", "ns",
    "\u0663", "moeprof.x/9.9", "[red]markup[/red]", "[/]",
)  # fmt: skip
NUMBERS: Final = (
    0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**400, 1.5, -0.0, 1e16,
    1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
OTHERS: Final[tuple[Any, ...]] = (None, True, False, [], [1], [[1]], {}, {"a": 1}, [None, "x"])
VALUES: Final = (*TEXTS, *NUMBERS, *OTHERS)
# What Python's json cannot write.
RAW_JSON: Final = (
    "[" * DEPTH, "[" * DEPTH + "]" * DEPTH, '{"a":' * DEPTH + "1" + "}" * DEPTH, "1e400", "-1e400",
    "9" * 5000, f"[{'1,' * DEPTH}1]", f"[{'[],' * DEPTH}[]]", f'"{"x" * 10**6}"',
    '{"a": 1, "a": 2}', '"\\ud800"', '"\\u0000"', "00", "1.", "", "tru", "'x'", '"\x01"',
)  # fmt: skip


class Mutation(NamedTuple):
    """A change in words, and the bytes of the changed file."""

    words: str
    data: bytes


Mutate = Callable[[Random, bytes], Mutation]


def shown(value: object) -> str:
    """A value, cut to what fits into a line."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:30]}... ({len(text)} characters)"


def neighbour(draw: Random, value: Any) -> Any:
    """A wrong value that resembles the right one: of another sign, size, type or length."""
    match value:
        case bool() | None:
            return draw.choice([not value, int(bool(value)), str(value)])
        case int() | float():
            return draw.choice([-value, value * 1000, value + 1, value + 0.5, str(value), [value]])
        case str():
            return draw.choice([value.upper(), value + "x", value[:-1], value[::-1], [value]])
        case list():
            return draw.choice([value[:-1], value + value[-1:], value[::-1], value[:1], value * 2])
        case dict():
            return draw.choice([list(value.items()), list(value), str(value)])
    return value


def _value(draw: Random, present: Any) -> Any:
    kind = draw.choices(["neighbour", TEXTS, NUMBERS, OTHERS], [9, 4, 5, 2])[0]
    return neighbour(draw, present) if kind == "neighbour" else draw.choice(kind)


# Text as a whole.


def text_bytes(draw: Random, data: bytes) -> Mutation:
    """Bytes that are no text, another encoding, or a part of the file."""
    at = draw.randrange(len(data) + 1)
    changes: dict[str, Callable[[], bytes]] = {
        "is empty": lambda: b"",
        "is cut": lambda: data[:at],
        "has bytes that are no UTF-8": lambda: data[:at] + b"\xff\xfe\x80" + data[at:],
        "has NUL bytes": lambda: data[:at] + b"\0\0" + data[at:],
        "begins with a BOM": lambda: b"\xef\xbb\xbf" + data,
        "is UTF-16": lambda: data.decode(errors="replace").encode("utf-16"),
        "has CR LF": lambda: data.replace(b"\n", b"\r\n"),
        "stands twice": lambda: data + data,
        "has other bytes": lambda: data[:at] + draw.randbytes(8) + data[at + 8 :],
    }
    words = draw.choice(list(changes))
    return Mutation(words, changes[words]())


# JSON.


def json_fields(draw: Random, data: bytes) -> Mutation:
    """A field of JSON changed, left out, added, moved or written twice; or the text as a whole."""
    if draw.random() < 0.08:
        return text_bytes(draw, data)
    tree = json.loads(data)
    places = list(_places(tree, "$"))
    if not places:
        return text_bytes(draw, data)
    raw: list[str] = []
    words = _change_json(draw, *_any_place(draw, places), raw)
    text = json.dumps(tree, indent=1)
    for number, value in enumerate(raw):
        text = text.replace(json.dumps(_mark(number)), value)
    return Mutation(words, text.encode(errors="surrogatepass"))


def _any_place(draw: Random, places: list[tuple[Any, Any, str]]) -> tuple[Any, Any, str]:
    """A place; every kind of place is as likely, however often a list repeats it."""
    kinds: dict[str, list[tuple[Any, Any, str]]] = {}
    for place in places:
        kind = "".join("[]" if part.isdigit() else part for part in place[2].split("."))
        kinds.setdefault(kind, []).append(place)
    return draw.choice(kinds[draw.choice(list(kinds))])


def _places(tree: Any, where: str) -> Iterator[tuple[Any, Any, str]]:
    """Each container with each of its keys, and the path of the two."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        yield tree, key, f"{where}.{key}"
        if isinstance(value, dict | list):
            yield from _places(value, f"{where}.{key}")


def _change_json(draw: Random, holder: Any, key: Any, where: str, raw: list[str]) -> str:
    how = draw.choices(
        ["set", "raw", "delete", "add", "twice", "swap", "rename"], [10, 3, 3, 1, 1, 1, 1]
    )[0]
    keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    if how == "set":
        holder[key] = new = _value(draw, holder[key])
        return f"{where} = {shown(new)}"
    if how == "raw":
        raw.append(draw.choice(RAW_JSON))
        holder[key] = _mark(len(raw) - 1)
        return f"{where} = {shown(raw[-1])} as it is"
    if how == "swap":
        other = draw.choice(keys)
        holder[key], holder[other] = holder[other], holder[key]
        return f"{where} and {other} swapped"
    if how == "delete":
        del holder[key]
        return f"{where} is missing"
    if isinstance(holder, list):
        holder.insert(key, holder[key])
        return f"{where} stands twice"
    if how == "twice":
        raw.append(
            f"{json.dumps(holder[key])}, {json.dumps(key)}: {json.dumps(draw.choice(TEXTS))}"
        )
        holder[key] = _mark(len(raw) - 1)
        return f"{where} has its key twice"
    if how == "rename":
        holder[key + "x"] = holder.pop(key)
        return f"{where} is renamed"
    holder[draw.choice(["extra", "", "\U0001f600"])] = draw.choice(VALUES)
    return f"{where} has a neighbour that nobody knows"


def _mark(number: int) -> str:
    return f"\1{number}\1"


# CSV.


def csv_fields(draw: Random, data: bytes) -> Mutation:
    """A cell, a row, a column or a name of CSV changed; or the text as a whole."""
    if draw.random() < 0.1:
        return text_bytes(draw, data)
    rows = list(csv.reader(io.StringIO(data.decode())))
    words = _change_rows(draw, rows)
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_MINIMAL, lineterminator="\n").writerows(rows)
    return Mutation(words, file.getvalue().encode(errors="surrogatepass"))


def _change_rows(draw: Random, rows: list[list[str]]) -> str:
    row, other = draw.randrange(len(rows)), draw.randrange(len(rows))
    column = draw.randrange(max(1, len(rows[row])))
    how = draw.choices(
        ["cell", "column", "twice", "swap rows", "swap names", "drop column", "drop row", "empty",
         "extra", "short"],
        [10, 4, 1, 1, 1, 2, 1, 1, 1, 1],
    )[0]  # fmt: skip
    if how == "cell" and rows[row]:
        rows[row][column] = new = str(_value(draw, _read(rows[row][column])))
        return f"row {row}, column {column} = {shown(new)}"
    if how == "column":
        new = str(_value(draw, _read(rows[-1][column] if column < len(rows[-1]) else "")))
        for one in rows[1:]:
            one[column : column + 1] = [new]
        return f"column {column} = {shown(new)} throughout"
    if how == "twice":
        rows.insert(row, list(rows[row]))
    elif how == "swap rows":
        rows[row], rows[other] = rows[other], rows[row]
    elif how == "swap names" and len(rows[0]) > 1:
        names = rows[0]
        names[column % len(names)], names[0] = names[0], names[column % len(names)]
    elif how == "drop column":
        for one in rows:
            del one[column : column + 1]
    elif how == "drop row":
        del rows[row]
    elif how == "empty":
        del rows[1:]
    elif how == "extra":
        rows[row].append(draw.choice(TEXTS))
    else:
        rows[row] = rows[row][:column]
    return f"{how}: row {row}, column {column}, row {other}"


def _read(cell: str) -> Any:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(cell)
    return cell


# TOML of one table.


def toml_fields(draw: Random, data: bytes) -> Mutation:
    """A value or a line of TOML changed; or the text as a whole."""
    if draw.random() < 0.1:
        return text_bytes(draw, data)
    lines = data.decode().splitlines()
    at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    key = lines[at].partition("=")[0]
    how = draw.choices(["set", "raw", "delete", "twice", "swap", "extra"], [6, 2, 2, 1, 1, 1])[0]
    if how == "set":
        lines[at] = f"{key}= {_toml(draw.choice(VALUES))}"
    elif how == "raw":
        new = draw.choice(["[" * DEPTH, "1979-05-27", "nan", "-inf", "0x10", "'''", "{a=1}", ""])
        lines[at] = f"{key}= {new}"
    elif how == "delete":
        del lines[at]
    elif how == "twice":
        lines.append(lines[at])
    elif how == "swap":
        there = lines[other].partition("=")
        lines[at] = f"{key}={there[2]}"
    else:
        lines.append(draw.choice(["extra = 1", "[table]", "[[list]]", "a.b.c = 1"]))
    return Mutation(f"line {at}: {how}: {shown(lines[at : at + 1])}", "\n".join(lines).encode())


def _toml(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "{a = 1}"
    if isinstance(value, float):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


# Parquet.


def parquet_fields(draw: Random, data: bytes) -> Mutation:
    """A cell, a row, a column or the schema of a Parquet table changed; or bytes of it."""
    if draw.random() < 0.05:
        return text_bytes(draw, data)
    table = pq.read_table(pa.BufferReader(data))
    words, changed = _change_table(draw, table)
    sink = pa.BufferOutputStream()
    pq.write_table(changed, sink)
    return Mutation(words, sink.getvalue().to_pybytes())


def _change_table(draw: Random, table: pa.Table) -> tuple[str, pa.Table]:
    column, other = (draw.randrange(table.num_columns) for _ in range(2))
    name, there = table.column_names[column], table.column_names[other]
    how = draw.choices(
        ["cell", "throughout", "type", "drop", "rename", "swap", "twice", "empty", "extra",
         "schema", "reversed"],
        [10, 4, 2, 2, 1, 1, 1, 1, 1, 1, 1],
    )[0]  # fmt: skip
    if how in ("cell", "throughout") and table.num_rows:
        return _change_cells(draw, table, column, throughout=how == "throughout")
    if how == "type":
        kind = draw.choice([pa.string(), pa.float64(), pa.int64(), pa.bool_(), pa.binary()])
        values = [_as(kind, value) for value in table.column(column).to_pylist()]
        return f"{name} as {kind}", _with(table, column, pa.array(values, type=kind))
    if how == "drop":
        return f"without {name}", table.drop_columns([name])
    if how == "rename":
        names = [f"{one}x" if one == name else one for one in table.column_names]
        return f"{name} renamed", table.rename_columns(names)
    if how == "swap":
        names = list(table.column_names)
        names[column], names[other] = names[other], names[column]
        return f"{name} and {there} swapped", table.rename_columns(names)
    if how == "twice":
        return "rows twice", pa.concat_tables([table, table])
    if how == "reversed":
        return "rows reversed", table.take(list(range(table.num_rows))[::-1])
    if how == "extra":
        return "one more column", table.append_column("extra", pa.nulls(table.num_rows))
    if how == "schema":
        new = draw.choice([None, {b"moeprof.schema": b"x/9"}, {b"moeprof.schema": b"\xff"}])
        return f"metadata {new}", table.replace_schema_metadata(new)
    return "no rows", table.slice(0, 0)


def _change_cells(
    draw: Random, table: pa.Table, column: int, *, throughout: bool
) -> tuple[str, pa.Table]:
    """One cell or all cells of a column; the type of the column may change with them."""
    values = table.column(column).to_pylist()
    row = draw.randrange(len(values))
    new = _value(draw, values[row])
    new = None if new == {} else new  # Parquet has no empty struct
    values = [new] * len(values) if throughout else [*values[:row], new, *values[row + 1 :]]
    where = f"{table.column_names[column]}{'' if throughout else f' of row {row}'}"
    for kind in (table.schema.field(column).type, None):
        with suppress(pa.ArrowException, OverflowError, TypeError, ValueError):
            return f"{where} = {shown(new)}", _with(table, column, pa.array(values, type=kind))
    texts = pa.array([None if value is None else str(value) for value in values])
    return f"{where} = {shown(new)}, all as text", _with(table, column, texts)


def _as(kind: Any, value: Any) -> Any:
    if value is None or pa.types.is_boolean(kind):
        return None if value is None else bool(value)
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return str(value) if pa.types.is_string(kind) else str(value).encode()
    return value if isinstance(value, int) and abs(value) < 2**52 else None


def _with(table: pa.Table, column: int, values: Any) -> pa.Table:
    changed = table.set_column(column, table.column_names[column], values)
    return changed.replace_schema_metadata(table.schema.metadata)


# SQLite.


def sqlite_fields(draw: Random, data: bytes) -> Mutation:
    """A value, a row, a column or a table of a database changed; or bytes of it."""
    if draw.random() < 0.05:
        return text_bytes(draw, data)
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(data)
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master")]
        change = _change_structure if draw.random() < 0.1 else _change_database
        words = change(draw, database, draw.choice(tables))
        database.commit()
        return Mutation(words, database.serialize())


def _change_database(draw: Random, database: sqlite3.Connection, table: str) -> str:
    columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
    column, other = draw.choice(columns), draw.choice(columns)
    rowids = [row[0] for row in database.execute(f'SELECT rowid FROM "{table}"')] or [0]
    row = draw.choice(rowids)
    statements = {
        "set": f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = {row}',
        "throughout": f'UPDATE "{table}" SET "{column}" = ?',
        "delete": f'DELETE FROM "{table}" WHERE rowid = {row}',
        "empty": f'DELETE FROM "{table}"',
        "twice": f'INSERT INTO "{table}" SELECT * FROM "{table}"',
        "swap": f'UPDATE "{table}" SET "{column}" = "{other}", "{other}" = "{column}"',
        "drop": f'DROP TABLE "{table}"',
        "drop column": f'ALTER TABLE "{table}" DROP COLUMN "{column}"',
        "rename": f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO "was {column}"',
        "rename table": f'ALTER TABLE "{table}" RENAME TO "was {table}"',
    }
    how = draw.choices(list(statements), [10, 4, 1, 1, 1, 1, 1, 1, 1, 1])[0]
    found = database.execute(f'SELECT "{column}" FROM "{table}" WHERE rowid = {row}').fetchone()
    new = _cell(_value(draw, found[0] if found else None))
    values = [new] if how in ("set", "throughout") else []
    with suppress(sqlite3.Error):  # such as two rows of one key: the file then stays as it was
        database.execute(statements[how], values)
    return f"{how}: {table}.{column}, row {row}{f' = {shown(new)}' if values else ''}"


def _change_structure(draw: Random, database: sqlite3.Connection, table: str) -> str:
    """Put in place of a table what gives the same columns, and has no end or computes them."""
    columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(f'1 AS "{name}"' for name in columns)
    computed = ", ".join(f'"{name}" AS (hex(zeroblob(10000000)))' for name in columns)
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
    long = ", ".join(f"\"{name}\" DEFAULT '{'x' * 10**5}'" for name in columns)
    structures = {
        "an endless view": f'CREATE VIEW "{table}" AS {endless} SELECT {values} FROM c',
        "a view": f'CREATE VIEW "{table}" AS SELECT * FROM stored',
        "a virtual table": f'CREATE VIRTUAL TABLE "{table}" USING fts5({names})',
        "a table of computed columns": f'CREATE TABLE "{table}" (stored, {computed})',
        "a table of long defaults": f'CREATE TABLE "{table}" (stored, {long})',
        "a table with an index of an expression": (
            f'ALTER TABLE stored RENAME TO "{table}";'
            f' CREATE INDEX i ON "{table}" (length(hex("{columns[0]}")))'
        ),
    }
    words = draw.choice(list(structures))
    with suppress(sqlite3.Error):  # such as a column that fts5 does not allow
        database.executescript(f'ALTER TABLE "{table}" RENAME TO stored; {structures[words]}')
    return f"{table} is {words}"


def _cell(value: Any) -> Any:
    """The value that SQLite stores for it."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return float("inf") if value > 0 else float("-inf")
    return json.dumps(value) if isinstance(value, list | dict) else value
