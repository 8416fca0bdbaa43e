"""A file of pages: the program's output among the rows, several pages, rows that are not whole."""

import csv
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from moeprof.parsers.messages import Refusal, TraceWarning
from moeprof.parsers.ncu.counters import Counters, read_ncu
from moeprof.parsers.ncu.hints import PERMISSION_HINT
from moeprof.parsers.ncu.pages import read_pages
from moeprof.store.errors import BadInput
from moeprof.tests.parsers.ncu.raw_page import BYTES, DESCRIPTIONS, KERNEL, NOT_KEPT, TIME, page

HEADER, UNITS, FIRST, SECOND = page([{TIME: "10"}, {TIME: "20"}]).splitlines(keepends=True)


def _read(path: Path, text: str) -> Counters:
    path.write_text(text, newline="")
    return read_ncu(path)


def _durations_ns(counters: Counters) -> list[float | None]:
    values: list[float | None] = counters.table["duration_ns"].to_pylist()
    return values


@pytest.mark.parametrize(
    "between",
    [
        "epoch 3\n",
        "==PROF== Profiling gemm\n",
        '"loss","0.5"\n',
        "1,2,3,4\n",
        "1.5,2.5\n",
        "a,b,c\n",
        "\n",
    ],
)
def test_output_of_the_program_may_stand_anywhere(tmp_path: Path, between: str) -> None:
    rows = [between, HEADER, between, UNITS, between, FIRST, between, SECOND, between]
    counters = _read(tmp_path / "p.csv", "".join(rows))
    assert _durations_ns(counters) == [10, 20]
    assert counters.table["launch"].to_pylist() == [0, 1]


def test_skipped_lines_are_counted(tmp_path: Path) -> None:
    text = "start\n" + HEADER + UNITS + FIRST + "epoch 3\n" + SECOND + "==PROF== end\ndone\n"
    (warning,) = _read(tmp_path / "p.csv", text).warnings
    assert warning == f"p.csv: 2 {TraceWarning.LINES_BETWEEN_ROWS}: line 5, 8"


def test_output_without_a_line_end_before_a_row(tmp_path: Path) -> None:
    text = "loading... " + HEADER + UNITS + "50%" + FIRST + SECOND
    assert _durations_ns(_read(tmp_path / "p.csv", text)) == [10, 20]


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\n"])
def test_the_ends_of_lines_may_be_those_of_any_system(tmp_path: Path, end: str) -> None:
    text = (HEADER + UNITS + FIRST + SECOND).replace("\n", end)
    counters = _read(tmp_path / "p.csv", text)
    assert (_durations_ns(counters), counters.warnings) == ([10, 20], ())


def test_a_cell_may_hold_the_end_of_a_line(tmp_path: Path) -> None:
    row = FIRST.replace("gemm(int, float)", "gemm<\n  int>(int,\nfloat)")
    counters = _read(tmp_path / "p.csv", HEADER + UNITS + row + SECOND)
    assert counters.table["kernel"][0].as_py() == "gemm<\n  int>(int,\nfloat)"
    assert (_durations_ns(counters), counters.warnings) == ([10, 20], ())


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
def test_a_page_that_a_spreadsheet_saved(tmp_path: Path, delimiter: str, quoting: Any) -> None:
    blank = [""] * len(DESCRIPTIONS)
    rows: list[list[object]] = [
        [*DESCRIPTIONS, TIME],
        [*blank, ""],
        [*blank, "ns"],
        [0, 77, *KERNEL[1:], 10],
        [*blank, ""],
        [""] * 5,
        [1, 77, *KERNEL[1:], 20],
        [*blank, 30],  # their sum
    ]
    with (tmp_path / "p.csv").open("w") as file:
        csv.writer(file, delimiter=delimiter, quoting=quoting).writerows(rows)
    counters = read_ncu(tmp_path / "p.csv")
    assert _durations_ns(counters) == [10, 20]
    assert counters.warnings == (f"p.csv: 1 {TraceWarning.LINES_BETWEEN_ROWS}: line 8",)


def test_a_page_that_pandas_saved(tmp_path: Path) -> None:
    (tmp_path / "ncu.csv").write_text(HEADER + UNITS + FIRST + SECOND)
    pd.read_csv(tmp_path / "ncu.csv").to_csv(tmp_path / "pandas.csv", index=False)
    assert read_ncu(tmp_path / "pandas.csv").table == read_ncu(tmp_path / "ncu.csv").table


def test_pages_follow_each_other_each_with_its_own_columns_and_units(tmp_path: Path) -> None:
    text = page([{TIME: "8736"}]) + "next\n" + page([{BYTES: "5", TIME: "1.25"}], {TIME: "ms"})
    (first, second) = _read(tmp_path / "p.csv", text).table.to_pylist()
    assert (first["duration_ns"], first["dram_read_bytes"]) == (8736, None)
    assert (second["duration_ns"], second["dram_read_bytes"]) == (1_250_000, 5)
    assert (first["launch"], second["launch"]) == (0, 1)


def test_pages_may_share_one_header(tmp_path: Path) -> None:
    text = HEADER + UNITS + FIRST + UNITS.replace('"ns"', '"us"') + SECOND
    assert _durations_ns(_read(tmp_path / "p.csv", text)) == [10, 20_000]


def test_a_page_without_a_known_metric_has_its_kernels(tmp_path: Path) -> None:
    counters = _read(tmp_path / "p.csv", page([{NOT_KEPT: "3.5"}]) * 2)
    assert counters.table["kernel"].to_pylist() == ["gemm(int, float)"] * 2
    assert _durations_ns(counters) == [None, None]
    assert TraceWarning.NO_KNOWN_METRIC in counters.warnings[0]


@pytest.mark.parametrize(
    ("damaged", "fault"),
    [
        (SECOND[:-6], "line 4 has 11 of 12 cells"),
        (SECOND[:-3] + "\n", "line 4 has 12 of 12 cells, the last without its end"),
        (SECOND[:40] + "\nepoch 3\n", "line 4 has 5 of 12 cells, the last without its end"),
        (SECOND[:-1] + ',"5"\n', "line 4 has 13 of 12 cells"),
    ],
)
def test_a_row_that_is_not_whole_is_left_out_and_keeps_its_number(
    tmp_path: Path, damaged: str, fault: str
) -> None:
    end = "" if damaged.endswith("\n") else "\n"
    counters = _read(tmp_path / "p.csv", HEADER + UNITS + FIRST + damaged + end + FIRST)
    assert counters.table["launch"].to_pylist() == [0, 2]
    assert counters.warnings[0] == f"p.csv: 1 {TraceWarning.ROWS_NOT_WHOLE}: {fault}"


def test_a_file_that_was_cut_keeps_its_whole_rows_wherever_it_was_cut(tmp_path: Path) -> None:
    whole = HEADER + UNITS + FIRST + SECOND
    for end in range(len(HEADER + UNITS + FIRST) + 1, len(whole) - 1):
        counters = _read(tmp_path / "p.csv", whole[:end])
        assert _durations_ns(counters) == [10]
        assert TraceWarning.ROWS_NOT_WHOLE in counters.warnings[0]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (HEADER, "line 2"),
        (HEADER[:30], "line 1"),
        (HEADER + UNITS[:20], "line 2"),
        (HEADER + UNITS + FIRST[:30], "line 3"),
        (HEADER + HEADER + UNITS, "line 2"),
    ],
)
def test_a_page_cut_before_its_first_row_is_refused(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(BadInput, match=Refusal.CUT_SHORT) as raised:
        _read(tmp_path / "p.csv", text)
    assert place in raised.value.message


@pytest.mark.parametrize(
    ("later", "faults"),
    [
        (HEADER, ["line 5 should hold the units"]),
        (HEADER[:30], ["line 4 is a header without"]),
        (HEADER + FIRST + SECOND, ["line 5 should hold the units", "line 6 should hold the units"]),
        (HEADER + HEADER + UNITS, ["line 5 should hold the units"]),
    ],
)
def test_a_later_page_without_units_does_not_cost_the_first(
    tmp_path: Path, later: str, faults: list[str]
) -> None:
    counters = _read(tmp_path / "p.csv", HEADER + UNITS + FIRST + later)
    assert _durations_ns(counters) == [10]
    assert TraceWarning.ROWS_NOT_WHOLE in counters.warnings[0]
    assert all(fault in counters.warnings[0] for fault in faults)


def test_a_first_page_without_its_row_of_units_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=Refusal.NCU_NO_UNITS) as raised:
        _read(tmp_path / "p.csv", HEADER + FIRST + SECOND)
    assert "line 2" in raised.value.message


@pytest.mark.parametrize("name", ["g" * 200_000, "a\n" * 500], ids=["long", "lines"])
def test_the_name_of_a_kernel_may_be_long(tmp_path: Path, name: str) -> None:
    row = FIRST.replace("gemm(int, float)", name)
    counters = _read(tmp_path / "p.csv", HEADER + UNITS + row + SECOND)
    assert counters.table["kernel"].to_pylist() == [name, "gemm(int, float)"]
    assert (_durations_ns(counters), counters.warnings) == ([10, 20], ())


def test_a_cell_without_its_end_does_not_take_all_that_follows(tmp_path: Path) -> None:
    text = HEADER + UNITS + FIRST + SECOND[:40] + "\nepoch" * 2000 + '\n50%"\n' + SECOND
    counters = _read(tmp_path / "p.csv", text)
    assert counters.table["launch"].to_pylist() == [0, 2]
    assert "without its end within 1000 lines" in counters.warnings[0]


@pytest.mark.parametrize(
    "line",
    [
        "1,10,0.5,1,1,1,1,1,1,1,1,2\n",
        "1,10,,,,,,,,,,2\n",
        '"1","10","0.5","1","1","1","1","1","1","1","1","2"\n',
        '"1","10","train","loss","epoch","1","1","x","y","1","1","2"\n',
        '"1","10","train","loss","0.5","1"\n',
        '"1","10","train","loss","epoch","1","1","(1, 1, 1)","64","1","1","2"\n',
    ],
)
def test_a_line_of_the_program_with_as_many_cells_is_no_kernel(tmp_path: Path, line: str) -> None:
    counters = _read(tmp_path / "p.csv", HEADER + UNITS + FIRST + line + SECOND)
    assert _durations_ns(counters) == [10, 20]
    assert counters.table["launch"].to_pylist() == [0, 1]
    assert counters.warnings == (f"p.csv: 1 {TraceWarning.LINES_BETWEEN_ROWS}: line 4",)


def test_ncus_words_beside_rows_are_repeated_once(tmp_path: Path) -> None:
    warning, error = "==WARNING== Backing up device memory", "==ERROR== Error code (11)"
    said = f"{warning}\n{error}\n"
    counters = _read(tmp_path / "p.csv", HEADER + UNITS + FIRST + said + SECOND + "50% " + said)
    assert _durations_ns(counters) == [10, 20]
    assert f"p.csv: {TraceWarning.NCU_SAID}: {error}, {warning}" in counters.warnings


def test_a_details_page_is_refused_with_its_line(tmp_path: Path) -> None:
    details = '"ID","Process ID","Kernel Name","Section Name","Metric Name"\n'
    with pytest.raises(BadInput, match=Refusal.NCU_DETAILS) as raised:
        _read(tmp_path / "p.csv", HEADER + UNITS + FIRST + details)
    assert "line 4" in raised.value.message
    assert "ncu --csv --page raw --print-units base APP" in raised.value.hint


def test_ncus_own_error_is_repeated(tmp_path: Path) -> None:
    error = "==ERROR== ERR_NVGPUCTRPERM - The user does not have permission"
    path = tmp_path / "p.csv"
    path.write_text(f"==PROF== Connected to process 7\n{error}\n==PROF== Disconnected\n")
    with pytest.raises(BadInput, match=Refusal.NOT_NCU_CSV) as raised:
        read_pages(path)
    assert raised.value.message.endswith(error)
    assert raised.value.hint == PERMISSION_HINT
