"""The log as CSV: whole lines, whatever was cut."""

import io
from pathlib import Path

import pandas as pd
import pytest

from moeprof.router.metrics.csv_log import CsvLog
from moeprof.router.metrics.row import MetricsRow, cells, columns
from moeprof.store.errors import BadInput


def write(path: Path, *steps: int) -> None:
    log = CsvLog(path)
    log.add([cells(MetricsRow(step=step, expert_counts=[step, 2]), 0) for step in steps])
    log.close()


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, comment="#")


def test_rows_are_lines_under_the_names_of_the_columns(tmp_path: Path) -> None:
    write(tmp_path / "new" / "m.csv", 1, 2)
    found = read(tmp_path / "new" / "m.csv")
    assert list(found.columns) == list(columns())
    assert found["step"].tolist() == [1, 2]
    assert found["expert_counts"].tolist() == ["1 2", "2 2"]
    assert found["power_w"].isna().all()


def test_a_text_with_marks_of_csv_comes_back(tmp_path: Path) -> None:
    log = CsvLog(tmp_path / "m.csv")
    log.add([cells(MetricsRow(strategy='a,"b"', ttha_terms={"x": 1.0}), 0)])
    log.close()
    found = read(tmp_path / "m.csv").iloc[0]
    assert (found["strategy"], found["ttha_terms"]) == ('a,"b"', '{"x": 1.0}')


def test_a_log_cut_at_any_byte_is_added_to_after_its_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    write(path, 1, 2, 3)
    whole = path.read_bytes()
    ends = [_end_of(whole, step) for step in range(4)]
    for size in [*range(0, len(whole), 31), *ends, *(end - 1 for end in ends)]:
        path.write_bytes(whole[:size])
        write(path, 9)
        kept = [step for step in (1, 2, 3) if _end_of(whole, step) <= size]
        assert read(path)["step"].tolist() == [*kept, 9], size


def _end_of(content: bytes, step: int) -> int:
    lines = content.splitlines(keepends=True)
    return sum(map(len, lines[: 2 + step]))


@pytest.mark.parametrize("content", ["a,b\n1,2\n", "# router_metrics/99\n", "\0" * 5000])
def test_a_file_that_is_no_such_log_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "m.csv").write_text(content)
    with pytest.raises(BadInput, match=r"m\.csv begins with .* no log of router_metrics/1"):
        CsvLog(tmp_path / "m.csv")
    assert (tmp_path / "m.csv").read_text() == content


def test_a_long_log_is_cut_at_its_end_alone(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    write(path, 1)
    line = path.read_bytes().splitlines(keepends=True)[-1]
    with path.open("ab") as file:
        file.write(line * (3 * 2**20 // len(line)) + line[:-1])
    lines = path.read_bytes().count(b"\n")
    write(path, 2)
    found = path.read_bytes()
    assert found.count(b"\n") == lines + 1
    assert read(io.BytesIO(found))["step"].iloc[-1] == 2  # type: ignore[arg-type]
