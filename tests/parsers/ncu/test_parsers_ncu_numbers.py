"""How a page writes numbers is decided by all its cells, and never guessed."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from moeprof.parsers.messages import Refusal
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
    write_page,
)


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
@given(PAGES, st.sampled_from(LANGUAGES))
def test_a_page_in_base_units_is_never_read_wrong(
    tmp_path: Path, values: dict[str, Decimal], language: Style
) -> None:
    cells = {metric: _written(value, language) for metric, value in values.items()}
    try:
        (found,) = read_ncu(write_page(tmp_path / "p.csv", cells)).table.to_pylist()
    except BadInput:
        reject()
    for metric in values.keys() & COLUMNS:
        assert found[COLUMNS[metric]] == float(values[metric])
