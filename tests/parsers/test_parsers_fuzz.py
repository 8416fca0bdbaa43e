"""Changed trace files: each is parsed, or refused with BadInput that names the file.

Every target first shows that its unchanged file gives the right tables, that changes without
meaning (order, white space, columns of other tools) give the same tables, and that a share of all
changed files is still parsed: so a reader that refuses everything fails. Here the bytes of files
are changed or cut; their fields are changed in tests/fuzz/.
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
from moeprof.tests.fuzz.targets.traces import EVENTS, PAGE, RANGE, nsys_export
from moeprof.tests.parsers.pieces import concatenated

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


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("intact")
    nsys_export(folder)
    return folder / "t.sqlite"


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


def _kineto(path: Path, events: Sequence[Any], **layout: Any) -> Path:
    path.write_text(json.dumps({"traceEvents": events}, **layout))
    return path


def test_the_unchanged_kineto_trace_gives_its_kernel_in_its_range(tmp_path: Path) -> None:
    found = tables(_kineto(tmp_path / "t.json", EVENTS))
    assert {name: table.num_rows for name, table in found.items()} == {"launches": 1, "calls": 1}
    (launch,) = found["launches"].to_pylist()
    expected = {"kernel": "k", "start_ns": 5500, "duration_ns": 2000, "range_name": RANGE}
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


# A raw page of Nsight Compute


def _page(path: Path, rows: Sequence[Sequence[str]], end: str = "\n") -> Path:
    path.write_text("".join(",".join(f'"{cell}"' for cell in row) + end for row in rows))
    return path


def test_the_unchanged_page_gives_its_kernel(tmp_path: Path) -> None:
    ((name, counters),) = tables(_page(tmp_path / "t.csv", PAGE)).items()
    assert name == "counters"
    assert counters["kernel"].to_pylist() == ["k", "k2"]
    assert counters["duration_ns"].to_pylist() == [5, 6]
    assert counters["instructions"].to_pylist() == [7, 8]


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
