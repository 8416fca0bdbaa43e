"""Changed trace files: each is parsed, or refused with BadInput that names the file.

Every target first shows that its unchanged file gives the right tables, that changes without
meaning (order, white space, columns of other tools) give the same tables, and that a share of all
changed files is still parsed: so a reader that refuses everything fails. The files are exports with
tables, columns and values left out, added or of a wrong type, and texts with bytes changed or cut.
"""

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.parsers.trace_file import parse_trace
from moeprof.store.errors import BadInput
from moeprof.tests.nsys_file import NsysFile
from moeprof.tests.parsers.pieces import concatenated

TYPE = 281479271677952
PARSED, REFUSED = "parsed", "refused"
HARMLESS = settings(max_examples=15)

Outcomes = Counter[str]


def tables(path: Path) -> dict[str, pa.Table]:
    return concatenated(parse_trace(path).pieces)


def outcome(path: Path) -> str:
    """Whether a changed file is parsed to valid tables or refused by its name, in one line."""
    try:
        for piece in tables(path).values():
            piece.validate(full=True)
    except BadInput as error:
        refusal = error
    else:
        return PARSED
    assert path.name in refusal.message
    assert len(refusal.message.splitlines()) == 1, refusal.message
    return REFUSED


def share_parsed(outcomes: Outcomes) -> float:
    return outcomes[PARSED] / outcomes.total()


# An export of nsys


def _fill(file: NsysFile) -> None:
    file.add("TARGET_INFO_GPU", id=0, name="GPU")
    file.add("TARGET_INFO_CUDA_DEVICE", gpuId=0, cudaId=0, pid=4242)
    file.add("TARGET_INFO_GPU_METRICS", typeId=TYPE, metricId=0, metricName="SM Active")
    for time in range(10, 60, 10):
        file.add("GPU_METRICS", timestamp=time, typeId=TYPE, metricId=0, value=time)
    data = json.dumps({"Power": "60000", "Temperature": "40"})
    file.add("GENERIC_EVENTS", genericEventId=1, timestamp=20, typeId=TYPE + 1, data=data)
    file.add("GENERIC_EVENT_DATA", genericEventId=1, fieldIdx=0, intVal=5)
    file.add("GENERIC_EVENT_TYPE_FIELDS", typeId=TYPE, fieldIdx=0,
             fieldNameId=file.string("Power"), type=1)  # fmt: skip
    file.add("DIAGNOSTIC_EVENT", timestamp=1, severity=2, text="CUDA")
    file.domain(1, "moeprof")
    for call in range(3):
        file.call(100 * call, 100 * call + 40, f"gelu-b4#0.{call}", correlation=call)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = NsysFile(tmp_path_factory.mktemp("intact") / "t.sqlite")
    _fill(file)
    return file.close()


@pytest.fixture(scope="module")
def found(export: Path) -> dict[str, pa.Table]:
    """Tables of the unchanged export."""
    return tables(export)


def test_the_unchanged_export_gives_all_its_tables(found: dict[str, pa.Table]) -> None:
    rows = {name: table.num_rows for name, table in found.items()}
    assert rows == {
        "launches": 3, "calls": 3, "gpu_samples": 5, "power_samples": 1, "range_energies": 3,
    }  # fmt: skip
    assert found["launches"]["range_name"].to_pylist() == [f"gelu-b4#0.{n}" for n in range(3)]
    assert found["calls"]["busy_ns"].to_pylist() == [50, 50, 50]
    assert found["gpu_samples"]["sm_active_pct"].to_pylist() == [10, 20, 30, 40, 50]
    assert found["power_samples"]["power_w"].to_pylist() == [60]


def _changed_copy(export: Path, path: Path, change: Callable[[sqlite3.Connection], object]) -> Path:
    path.write_bytes(export.read_bytes())
    with contextlib.closing(sqlite3.connect(path)) as database:
        change(database)
        database.commit()
    return path


@HARMLESS
@given(
    table=st.sampled_from(
        ["NVTX_EVENTS", "CUPTI_ACTIVITY_KIND_KERNEL", "CUPTI_ACTIVITY_KIND_RUNTIME", "StringIds"]
    ),
    step=st.integers(2, 6),
)
def test_rows_in_another_order_and_columns_of_newer_versions_change_nothing(
    tmp_path: Path, export: Path, found: dict[str, pa.Table], table: str, step: int
) -> None:
    def change(database: sqlite3.Connection) -> None:
        database.execute("CREATE TABLE NEWER (value BLOB)")
        database.execute(f"CREATE TABLE copy AS SELECT * FROM {table}")
        database.execute(f"DELETE FROM {table}")
        database.execute(f"INSERT INTO {table} SELECT * FROM copy ORDER BY rowid * {step} % 7")
        database.execute("DROP TABLE copy")
        database.execute(f"ALTER TABLE {table} ADD COLUMN newer REAL DEFAULT 0.5")

    assert tables(_changed_copy(export, tmp_path / "t.sqlite", change)) == found


VALUES = st.one_of(
    st.none(),
    st.sampled_from([0, 1, -1, 2**31, -(2**31), 2**63 - 1, -(2**63), 59, 75, TYPE, 4242 << 24]),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=True),
    st.text(max_size=8),
    st.sampled_from(["", "{", "[1]", '{"SM Active": "x"}', '{"SM Active": "1", "Power": 3}']),
    st.binary(max_size=8),
)
COLUMNS = [
    (table, column.split()[0])
    for table, columns in NsysFile.columns.items()
    for column in columns.split(", ")
]
KINDS = st.sampled_from(["set", "set", "set", "insert", "drop", "rename"])
STATEMENTS = st.lists(st.tuples(KINDS, st.sampled_from(COLUMNS), VALUES), min_size=1, max_size=4)


def _execute(database: sqlite3.Connection, kind: str, table: str, column: str, value: Any) -> None:
    sql, values = {
        "set": (f'UPDATE "{table}" SET "{column}" = ?', [value]),
        "insert": (f'INSERT INTO "{table}" ("{column}") VALUES (?)', [value]),
        "drop": (f'DROP TABLE "{table}"', []),
        "rename": (f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO "was {column}"', []),
    }[kind]
    with contextlib.suppress(sqlite3.Error, UnicodeEncodeError):  # no such table; half a surrogate
        database.execute(sql, values)


def test_any_schema_and_any_values(tmp_path: Path, export: Path) -> None:
    outcomes = Outcomes()

    @settings(max_examples=80)
    @given(statements=STATEMENTS)
    def change(statements: Sequence[tuple[str, tuple[str, str], Any]]) -> None:
        def execute(database: sqlite3.Connection) -> None:
            for kind, (table, column), value in statements:
                _execute(database, kind, table, column, value)

        outcomes[outcome(_changed_copy(export, tmp_path / "t.sqlite", execute))] += 1

    change()
    print(outcomes)
    assert share_parsed(outcomes) > 0.3, outcomes


EDITS = st.lists(
    st.tuples(st.integers(0, 2**20), st.binary(min_size=1, max_size=64)), min_size=1, max_size=8
)


def test_any_bytes_of_an_export(tmp_path: Path, export: Path) -> None:
    outcomes = Outcomes()
    path = tmp_path / "t.sqlite"

    @settings(max_examples=80)
    @given(edits=EDITS, kept_percent=st.sampled_from([100, 100, 100, 60]))
    def change(edits: list[tuple[int, bytes]], kept_percent: int) -> None:
        changed = bytearray(export.read_bytes())
        for place, new in edits:
            at = place % len(changed)
            changed[at : at + len(new)] = new
        path.write_bytes(changed[: len(changed) * kept_percent // 100])
        outcomes[outcome(path)] += 1

    change()
    print(outcomes)
    assert share_parsed(outcomes) > 0.1, outcomes


# A trace of torch.profiler

LAUNCH = {
    "ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 12, "tid": 12, "ts": 1.5,
    "dur": 2, "args": {"correlation": 1},
}  # fmt: skip
KERNEL = {
    "ph": "X", "cat": "kernel", "name": "k", "pid": 0, "tid": 7, "ts": 5.5, "dur": 2,
    "args": {"correlation": 1, "grid": [1, 1, 1], "block": [32, 1, 1], "device": 0, "stream": 7},
}  # fmt: skip
RANGE = {
    "ph": "X", "cat": "user_annotation", "name": "gelu-b4#0.0", "pid": 12, "tid": 12, "ts": 1,
    "dur": 3,
}  # fmt: skip
EVENTS = [LAUNCH, KERNEL, RANGE]


def _kineto(path: Path, events: Sequence[Any], **layout: Any) -> Path:
    path.write_text(json.dumps({"traceEvents": events}, **layout))
    return path


def test_the_unchanged_kineto_trace_gives_its_kernel_in_its_range(tmp_path: Path) -> None:
    found = tables(_kineto(tmp_path / "t.json", EVENTS))
    assert {name: table.num_rows for name, table in found.items()} == {"launches": 1, "calls": 1}
    (launch,) = found["launches"].to_pylist()
    expected = {"kernel": "k", "start_ns": 5500, "duration_ns": 2000, "range_name": RANGE["name"]}
    assert expected.items() <= launch.items()


@HARMLESS
@given(
    events=st.permutations([*EVENTS, {"ph": "M", "name": "process_name"}, "no event", None]),
    indent=st.sampled_from([None, 1, "\t"]),
    sort_keys=st.booleans(),
    space=st.text(" \t\r\n", max_size=4),
)
def test_order_and_white_space_of_a_kineto_trace_change_nothing(
    tmp_path: Path, events: list[Any], indent: int | str | None, sort_keys: bool, space: str
) -> None:
    path = _kineto(tmp_path / "t.json", events, indent=indent, sort_keys=sort_keys)
    path.write_text(space + path.read_text() + space)
    expected = tables(_kineto(tmp_path / "intact.json", EVENTS))
    assert tables(path) == expected


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
JSON = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.dictionaries(st.text(max_size=5), SCALARS, max_size=3),
)


def test_any_value_in_an_event_of_kineto(tmp_path: Path) -> None:
    outcomes = Outcomes()
    keys = st.sampled_from([*KERNEL, "grid", "block", "correlation", "device"])

    @settings(max_examples=150)
    @given(key=keys, value=JSON)
    def change(key: str, value: Any) -> None:
        event = json.loads(json.dumps(KERNEL))
        (event["args"] if key in event["args"] else event)[key] = value
        path = _kineto(tmp_path / "t.json", [event, *EVENTS])
        outcomes[outcome(path)] += 1

    change()
    print(outcomes)
    assert share_parsed(outcomes) > 0.3, outcomes


# A raw page of Nsight Compute

NAMES = ["ID", "Process ID", "Kernel Name", "gpu__time_duration.sum", "smsp__inst_executed.sum"]
PAGE = [NAMES, ["", "", "", "ns", "inst"], ["0", "1", "k", "5", "7"]]


def _page(path: Path, rows: Sequence[Sequence[str]], end: str = "\n") -> Path:
    path.write_text("".join(",".join(f'"{cell}"' for cell in row) + end for row in rows))
    return path


def test_the_unchanged_page_gives_its_kernel(tmp_path: Path) -> None:
    ((name, counters),) = tables(_page(tmp_path / "t.csv", PAGE)).items()
    (row,) = counters.to_pylist()
    assert name == "counters"
    assert (row["kernel"], row["duration_ns"], row["instructions"]) == ("k", 5, 7)


@HARMLESS
@given(
    order=st.permutations([2, 3, 4]),
    end=st.sampled_from(["\n", "\r\n", "\n\n"]),
    before=st.sampled_from(["", "\ufeff", "==PROF== Connected\n", "a line of the program\n"]),
)
def test_order_of_columns_and_messages_in_a_page_change_nothing(
    tmp_path: Path, order: list[int], end: str, before: str
) -> None:
    rows = [[row[place] for place in (0, 1, *order)] for row in PAGE]
    path = _page(tmp_path / "t.csv", rows, end)
    path.write_text(before + path.read_text() + "==PROF== Disconnected\n")
    assert tables(path) == tables(_page(tmp_path / "intact.csv", PAGE))


def test_any_bytes_of_a_page_of_ncu(tmp_path: Path) -> None:
    outcomes = Outcomes()
    page = _page(tmp_path / "t.csv", PAGE).read_bytes()

    @settings(max_examples=150)
    @given(at=st.integers(0, len(page)), new=st.binary(max_size=20), cut=st.integers(0, 40))
    def change(at: int, new: bytes, cut: int) -> None:
        path = tmp_path / "t.csv"
        path.write_bytes(page[:at] + new + page[at + cut :])
        outcomes[outcome(path)] += 1

    change()
    print(outcomes)
    assert share_parsed(outcomes) > 0.02, outcomes
