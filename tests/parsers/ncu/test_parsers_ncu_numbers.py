"""How a page writes numbers is decided by all its cells, and never guessed."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from moeprof.parsers.messages import Refusal, TraceWarning
from moeprof.parsers.ncu.counters import read_ncu
from moeprof.parsers.ncu.hints import PLAIN_NUMBERS_HINT
from moeprof.parsers.ncu.numbers import STYLES, Style, value_of
from moeprof.store.errors import BadInput
from moeprof.tests.parsers.ncu.raw_page import (
    BYTES,
    HERTZ,
    NOT_KEPT,
    PERCENT,
    TIME,
    WAVES,
    page,
    write_page,
)

TEXT = "launch__tpc_enabled"


@pytest.mark.parametrize(
    "row",
    [
        {TIME: "8736", BYTES: "1234944", PERCENT: "41.50", HERTZ: "1500000000"},
        {TIME: "8,736", BYTES: "1,234,944", PERCENT: "41.50", HERTZ: "1,500,000,000"},
        {TIME: "8.736", BYTES: "1.234.944", PERCENT: "41,50", HERTZ: "1.500.000.000"},
        {TIME: "8 736", BYTES: "1 234 944", PERCENT: "41,50", HERTZ: "1 500 000 000"},
        {TIME: "8\u202f736", BYTES: "1\u202f234\u202f944", PERCENT: "41,50", HERTZ: "1500000000"},
        {TIME: "8\u00a0736", BYTES: "1\u00a0234\u00a0944", PERCENT: "41,50", HERTZ: "1500000000"},
        {TIME: "8'736", BYTES: "1'234'944", PERCENT: "41.50", HERTZ: "1'500'000'000"},
        {TIME: "8\u2019736", BYTES: "1\u2019234\u2019944", PERCENT: "41.50", HERTZ: "1500000000"},
        {TIME: "8,736", BYTES: "12,34,944", PERCENT: "41.50", HERTZ: "1,50,00,00,000.00"},
    ],
    ids=["plain", "English", "German", "space", "French", "NBSP", "Swiss", "Swiss-2019", "Indian"],
)
def test_the_languages_of_ncu_give_the_same_numbers(tmp_path: Path, row: dict[str, str]) -> None:
    (found,) = read_ncu(write_page(tmp_path / "p.csv", row)).table.to_pylist()
    values = [found[name] for name in ("duration_ns", "dram_read_bytes", "dram_throughput_pct")]
    assert [*values, found["sm_clock_hz"]] == [8736, 1234944, 41.5, 1.5e9]


@pytest.mark.parametrize(
    ("rows", "durations_ns"),
    [
        ([{TIME: "8.736"}, {TIME: "912"}], [8736, 912]),
        ([{TIME: "28.448", BYTES: "5.760"}], [28448]),
        ([{TIME: "8,736"}], [8736]),
        ([{TIME: "8.736", NOT_KEPT: "0,5"}], [8736]),
        ([{TIME: "8.000", NOT_KEPT: "0,5"}], [8000]),
        ([{TIME: "8,000", NOT_KEPT: "0.5"}], [8000]),
    ],
    ids=["time alone", "bytes", "comma", "metric not kept", "round", "round with comma"],
)
def test_a_time_in_ns_is_whole(
    tmp_path: Path, rows: list[dict[str, str]], durations_ns: list[float]
) -> None:
    table = read_ncu(write_page(tmp_path / "p.csv", *rows)).table
    assert table["duration_ns"].to_pylist() == durations_ns


def test_a_percentage_is_below_a_thousand(tmp_path: Path) -> None:
    page = write_page(tmp_path / "p.csv", {PERCENT: "41.500", WAVES: "1.250"})
    (found,) = read_ncu(page).table.to_pylist()
    assert (found["dram_throughput_pct"], found["waves_per_sm"]) == (41.5, 1.25)


@pytest.mark.parametrize(
    ("row", "units"),
    [
        ({TIME: "8.736"}, {TIME: "us"}),
        ({TIME: "8,736"}, {TIME: "us"}),
        ({TIME: "8.000"}, {}),
        ({TIME: "912", WAVES: "1.250"}, {}),
    ],
)
def test_a_number_with_two_readings_is_refused(
    tmp_path: Path, row: dict[str, str], units: dict[str, str]
) -> None:
    with pytest.raises(BadInput, match=Refusal.UNCLEAR_NUMBERS) as raised:
        read_ncu(write_page(tmp_path / "p.csv", row, units=units))
    metric, cell = list(row.items())[-1]
    assert f"line 3 gives {metric} as '{cell}'" in raised.value.message
    assert raised.value.hint == PLAIN_NUMBERS_HINT


def test_a_cell_that_is_not_kept_may_have_two_readings(tmp_path: Path) -> None:
    page = write_page(tmp_path / "p.csv", {TIME: "912", NOT_KEPT: "1.250"})
    assert read_ncu(page).table["duration_ns"].to_pylist() == [912]


@pytest.mark.parametrize(
    ("rows", "cells"),
    [
        ([{PERCENT: "12,5"}, {PERCENT: "41.50"}], ["'12,5'", "'41.50'"]),
        ([{TIME: "8.736", PERCENT: "41.50"}], ["'8.736' ns", "'41.50' %"]),
        ([{TIME: "8'736", BYTES: "1,234,944"}], ["'8'736'", "'1,234,944'"]),
    ],
)
def test_cells_that_contradict_each_other_are_named(
    tmp_path: Path, rows: list[dict[str, str]], cells: list[str]
) -> None:
    with pytest.raises(BadInput, match=Refusal.MIXED_NUMBERS) as raised:
        read_ncu(write_page(tmp_path / "p.csv", *rows))
    assert all(f"{cell}" in raised.value.message for cell in cells)
    assert "line 3" in raised.value.message
    assert f"line {2 + len(rows)}" in raised.value.message


@pytest.mark.parametrize("text", ["0,1", "1,5", "12.345.678"])
@pytest.mark.parametrize("metric", [TEXT, "NVTX"])
def test_a_text_decides_nothing(tmp_path: Path, text: str, metric: str) -> None:
    units = {metric: ""}
    plain = {TIME: "8736", PERCENT: "41.50", metric: text}
    (found,) = read_ncu(write_page(tmp_path / "p.csv", plain, units=units)).table.to_pylist()
    assert (found["duration_ns"], found["dram_throughput_pct"]) == (8736, 41.5)
    with pytest.raises(BadInput, match=Refusal.UNCLEAR_NUMBERS):
        read_ncu(write_page(tmp_path / "p.csv", {WAVES: "1.125", metric: text}, units=units))


@pytest.mark.parametrize(
    "rows",
    [
        [{WAVES: "1.125", NOT_KEPT: "0,1"}, {WAVES: "1.125", NOT_KEPT: "all"}],
        [{WAVES: "1.125", NOT_KEPT: "8,736"}],
    ],
)
def test_a_column_decides_only_if_all_of_it_is_numbers_of_one_kind(
    tmp_path: Path, rows: list[dict[str, str]]
) -> None:
    with pytest.raises(BadInput, match=Refusal.UNCLEAR_NUMBERS):
        read_ncu(write_page(tmp_path / "p.csv", *rows, units={NOT_KEPT: "%"}))


@pytest.mark.parametrize("absent", ["", "n/a", "(!) n/a", "(!) 1.5", "no data", "nan", "-inf"])
def test_a_column_decides_although_a_cell_is_absent(tmp_path: Path, absent: str) -> None:
    rows = [{WAVES: "1.125", NOT_KEPT: "0,5"}, {WAVES: "1.125", NOT_KEPT: absent}]
    table = read_ncu(write_page(tmp_path / "p.csv", *rows)).table
    assert table["waves_per_sm"].to_pylist() == [1125, 1125]


@pytest.mark.parametrize("cell", ["8,736", "0,5", "12.345.678"])
def test_columns_that_are_kept_decide_before_others(tmp_path: Path, cell: str) -> None:
    page = write_page(tmp_path / "p.csv", {PERCENT: "41.50", WAVES: "1.125", NOT_KEPT: cell})
    (found,) = read_ncu(page).table.to_pylist()
    assert (found["dram_throughput_pct"], found["waves_per_sm"]) == (41.5, 1.125)


def test_a_ratio_that_is_not_kept_may_exceed_a_thousand_percent(tmp_path: Path) -> None:
    row = {TIME: "8,736", PERCENT: "41.50", NOT_KEPT: "8,736"}
    table = read_ncu(write_page(tmp_path / "p.csv", row, units={NOT_KEPT: "%"})).table
    assert table["duration_ns"].to_pylist() == [8736]


def test_an_unclear_page_does_not_cost_the_others(tmp_path: Path) -> None:
    clear, unclear = page([{TIME: "8736", PERCENT: "41.50"}]), page([{WAVES: "8,736"}])
    path = tmp_path / "p.csv"
    path.write_text(unclear + clear + unclear)
    counters = read_ncu(path)
    assert counters.table["launch"].to_pylist() == [1]
    assert counters.table["duration_ns"].to_pylist() == [8736]
    (warning,) = counters.warnings
    assert f"2 {TraceWarning.PAGE_UNCLEAR} {Refusal.UNCLEAR_NUMBERS}: line 3" in warning
    assert "line 9 gives" in warning
    path.write_text(unclear * 2)
    with pytest.raises(BadInput, match=Refusal.UNCLEAR_NUMBERS):
        read_ncu(path)


def _written(value: Decimal, style: Style) -> str:
    marks = str.maketrans({",": style.thousands, ".": style.decimal})
    return f"{value:,}".translate(marks)


@given(
    st.decimals(-(10**12), 10**12, places=2, allow_nan=False, allow_infinity=False),
    st.sampled_from(STYLES),
)
def test_a_number_is_read_as_it_was_written(value: Decimal, style: Style) -> None:
    assert value_of(_written(value, style), style) == value


@pytest.mark.parametrize(
    "text",
    ["", "n/a", "(!) 12", "inf", "-nan", "1.2.3", "12,34,56", "1e5,0", "0,736,1", "1,23", "0x10"],
)
def test_what_is_no_number_with_a_decimal_point(text: str) -> None:
    assert value_of(text, Style(".", ",")) is None


LANGUAGES = (Style(".", ""), Style(",", ""), *STYLES)
PLACES = {TIME: 0, BYTES: 0, PERCENT: 2, HERTZ: 2, WAVES: 2, NOT_KEPT: 2}
COLUMNS = {TIME: "duration_ns", BYTES: "dram_read_bytes", PERCENT: "dram_throughput_pct",
           HERTZ: "sm_clock_hz", WAVES: "waves_per_sm"}  # fmt: skip
PAGES = st.fixed_dictionaries(
    {},
    optional={
        metric: st.decimals(0, 99 if metric == PERCENT else 10**9, places=places)
        for metric, places in PLACES.items()
    },
).filter(bool)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAGES, st.sampled_from(LANGUAGES), st.sampled_from(["all", "0,1", "0.1", "1.2.3", "1,234"]))
def test_a_page_in_base_units_is_never_read_wrong(
    tmp_path: Path, values: dict[str, Decimal], language: Style, text: str
) -> None:
    cells = {metric: _written(value, language) for metric, value in values.items()} | {TEXT: text}
    try:
        page = write_page(tmp_path / "p.csv", cells, units={TEXT: ""})
        (found,) = read_ncu(page).table.to_pylist()
    except BadInput:
        reject()
    for metric in values.keys() & COLUMNS:
        assert found[COLUMNS[metric]] == float(values[metric])


def test_a_number_beyond_any_double_is_none() -> None:
    assert value_of("9" * 400, STYLES[0]) == Decimal("9" * 400)
    assert value_of("9" * 401, STYLES[0]) is None


def test_a_long_name_of_a_metric_takes_no_time(tmp_path: Path) -> None:
    name = "_" * 100_000
    path = write_page(tmp_path / "t.csv", {name: "1,234", TIME: "8,736"}, units={name: ""})
    assert read_ncu(path).table["duration_ns"].to_pylist() == [8736]
