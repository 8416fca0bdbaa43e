"""Tables hold their schema at every write and every read."""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moeprof.store.errors import BadInput
from moeprof.store.tables.parquet import read_table, table_from_columns, write_table
from moeprof.store.tables.schemas import METRIC_COLUMNS, OLDER_SCHEMAS, SCHEMA_KEY, SCHEMAS


@pytest.fixture
def samples() -> pa.Table:
    return table_from_columns("gpu_samples", {"recording": ["a", "a"], "time_ns": [1, 2]})


@pytest.mark.parametrize("name", SCHEMAS)
def test_an_empty_table_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    table = table_from_columns(name, {})
    write_table(tmp_path / "a.parquet", name, table)
    assert read_table(tmp_path / "a.parquet", name).equals(table)


def test_what_is_not_given_is_null_and_comes_back_null(tmp_path: Path, samples: pa.Table) -> None:
    write_table(tmp_path / "a.parquet", "gpu_samples", samples)
    back = read_table(tmp_path / "a.parquet", "gpu_samples")
    assert back.column("time_ns").to_pylist() == [1, 2]
    assert [back.column(name).null_count for name in METRIC_COLUMNS] == [2] * len(METRIC_COLUMNS)


def test_a_column_that_the_schema_lacks_is_refused() -> None:
    with pytest.raises(KeyError, match="gpu_samples has no column 'power_w'"):
        table_from_columns("gpu_samples", {"power_w": [1.0]})


def test_a_value_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid):
        table_from_columns("gpu_samples", {"time_ns": ["soon"]})


def test_another_table_is_refused_at_writing(tmp_path: Path, samples: pa.Table) -> None:
    with pytest.raises(ValueError, match="no table points"):
        write_table(tmp_path / "a.parquet", "points", samples)
    assert list(tmp_path.iterdir()) == []


def test_another_table_is_refused_at_reading(tmp_path: Path, samples: pa.Table) -> None:
    write_table(tmp_path / "a.parquet", "gpu_samples", samples)
    with pytest.raises(BadInput, match=r"is gpu_samples/1, and this moeprof knows points/5"):
        read_table(tmp_path / "a.parquet", "points")


def test_an_unknown_number_is_refused_by_number(tmp_path: Path, samples: pa.Table) -> None:
    newer = samples.replace_schema_metadata({"moeprof.schema": "gpu_samples/2"})
    pq.write_table(newer, tmp_path / "a.parquet")
    with pytest.raises(BadInput, match=r"gpu_samples/2, and this moeprof knows gpu_samples/1"):
        read_table(tmp_path / "a.parquet", "gpu_samples")


def test_other_columns_under_a_known_name_are_refused(tmp_path: Path, samples: pa.Table) -> None:
    pq.write_table(samples.drop_columns(["time_ns"]), tmp_path / "a.parquet")
    with pytest.raises(BadInput, match="has other columns"):
        read_table(tmp_path / "a.parquet", "gpu_samples")


def test_a_parquet_file_of_someone_else_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    with pytest.raises(BadInput, match="is no moeprof table"):
        read_table(tmp_path / "a.parquet", "points")


@pytest.mark.parametrize("data", [b"", b"PAR1", b"no Parquet at all"])
def test_what_is_no_parquet_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(data)
    with pytest.raises(BadInput, match="is not a Parquet table"):
        read_table(tmp_path / "a.parquet", "points")


def test_a_missing_table_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        read_table(tmp_path / "a.parquet", "points")
    assert "moeprof parse" in caught.value.hint


def test_every_quantity_bears_its_unit() -> None:
    repeats = {"repeat_difference", "power_repeat_difference", "energy_repeat_difference"}
    bare = {"spread", "metric_coverage", "correction", "turns_apart"} | repeats  # ratios
    counts = {"instructions", "registers_per_thread", "waves_per_sm"}
    units = (
        "_ns",
        "_us",
        "_s",
        "_w",
        "_mj",
        "_c",
        "_pct",
        "_mhz",
        "_hz",
        "_bytes",
        "_lo",
        "_hi",
        "_ci95",
    )
    unnamed = [
        field.name
        for schema in SCHEMAS.values()
        for field in schema
        if field.type == pa.float64() and not field.name.endswith(units)
    ]
    assert set(unnamed) <= bare | counts


@pytest.mark.parametrize("number", ["points/1", "points/2", "points/3"])
def test_points_of_an_older_number_lack_what_is_new_and_lose_what_is_gone(
    tmp_path: Path, number: str
) -> None:
    points = table_from_columns("points", {"curve": ["a"], "power_w": [300.0]})
    older = points.drop_columns(sorted(OLDER_SCHEMAS[number]))
    older = older.append_column("empty_power_w", pa.array([90.0]))
    path = tmp_path / "points.parquet"
    pq.write_table(older.replace_schema_metadata({SCHEMA_KEY: number.encode()}), path)
    read = read_table(path, "points")
    assert read.equals(points)
    assert read.schema.metadata == SCHEMAS["points"].metadata
    lacking = older.drop_columns(["curve"])
    pq.write_table(lacking.replace_schema_metadata({SCHEMA_KEY: number.encode()}), path)
    with pytest.raises(BadInput, match="has other columns"):
        read_table(path, "points")


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("power_w", float("nan"), "finite"),
        ("latency_us", float("inf"), "finite"),
        ("energy_mj", 1e308, "at most"),
        ("latency_us", -1.0, "0 or more"),
        ("tokens", -4, "0 or more"),
    ],
)
def test_a_quantity_that_cannot_be_is_refused_by_column_and_row(
    tmp_path: Path, column: str, value: float, rule: str
) -> None:
    points = table_from_columns("points", {column: [None, value]})
    write_table(tmp_path / "points.parquet", "points", points)
    said = re.escape(f"has {column} {value} in its row 2, and")
    with pytest.raises(BadInput, match=f"{said} .* {rule}"):
        read_table(tmp_path / "points.parquet", "points")


def test_a_difference_may_be_negative(tmp_path: Path) -> None:
    points = table_from_columns("points", {"energy_above_idle_mj": [-1.0]})
    write_table(tmp_path / "points.parquet", "points", points)
    assert read_table(tmp_path / "points.parquet", "points").equals(points)
