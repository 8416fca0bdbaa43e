"""Which columns of a meter's CSV are time and power, and in what unit."""

from pathlib import Path

import pytest

from moeprof.energy.meter_csv.columns import Column, are_names, find_columns
from moeprof.store.errors import BadInput

PATH = Path("meter.csv")


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        *(("time_s", "s"), ("t_s", "s"), ("Time (ms)", "ms"), ("unix_time_us", "us")),
        *(("Zeit [s]", "s"), ("elapsed/ns", "ns"), ("timestamp", None), ("Time", None)),
    ],
)
def test_a_column_of_time_is_known_by_its_words(name: str, unit: str | None) -> None:
    columns = find_columns(PATH, ["note", name, "power_w"], [])
    assert columns.time == Column(1, name, unit)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        *(("power_w", "w"), ("meter_W", "w"), ("Power (mW)", "mw"), ("P [kW]", "kw")),
        *(("watts", "watts"), ("power.draw [W]", "w"), ("Leistung/W", "w")),
        *(("power", None), ("GPU power", None)),
    ],
)
def test_a_column_of_power_is_known_by_its_unit_or_its_word(name: str, unit: str | None) -> None:
    columns = find_columns(PATH, ["time_s", name, "note"], [])
    assert columns.power == Column(1, name, unit)


LIMITS = ["power.limit [W]", "max_power_w", "tdp_w", "rated_power_w", "target_w", "budget_w"]
OTHER_QUANTITIES = ["power_factor", "power_va_w", "power_pct_w", "power_dbm_w", "power.management"]


@pytest.mark.parametrize("name", [*LIMITS, *OTHER_QUANTITIES])
def test_a_limit_and_another_quantity_are_no_power(name: str) -> None:
    columns = find_columns(PATH, ["t_s", name, "gpu_w"], [["0", "Enabled", "100"]])
    assert columns.power.name == "gpu_w"


def test_a_time_without_a_unit_stands_back() -> None:
    assert find_columns(PATH, ["timestamp", "t_s", "gpu_w"], []).time.name == "t_s"


@pytest.mark.parametrize("cell", ["100.25 W", "100", "100,25 W"])
def test_a_power_with_its_unit_in_its_cells_is_one_beside_others(cell: str) -> None:
    with pytest.raises(BadInput, match=r"2 of power \(power.draw, fan_w\)"):
        find_columns(PATH, ["t_s", "power.draw", "fan_w"], [["0", "[N/A]", "5"], ["1", cell, "5"]])


def test_a_power_that_holds_no_number_stands_back() -> None:
    names, row = ["t_s", "gpu power", "power brake"], ["0", "100 W", "Not Active"]
    assert find_columns(PATH, names, [row]).power.name == "gpu power"


@pytest.mark.parametrize("names", [[], ["a"], ["time_s"], ["power_w"], ["duration_s", "energy_j"]])
def test_names_without_one_of_each_are_refused(names: list[str]) -> None:
    assert not are_names(names)
    with pytest.raises(BadInput, match="must have one of each"):
        find_columns(PATH, names, [])


@pytest.mark.parametrize("names", [["time_s", "a_w", "b_w"], ["time_s", "t_ms", "power_w"]])
def test_two_of_one_kind_are_refused_by_name(names: list[str]) -> None:
    assert are_names(names)
    with pytest.raises(BadInput, match="must have one of each"):
        find_columns(PATH, names, [])


@pytest.mark.parametrize(
    "names", [["time_s", "power [10 W]"], ["time (100 us)", "power_w"], ["t_s", "power x10 [W]"]]
)
def test_a_factor_in_a_unit_is_refused(names: list[str]) -> None:
    with pytest.raises(BadInput, match="holds a number"):
        find_columns(PATH, names, [])


@pytest.mark.parametrize("name", ["(" * 200_000, "[1" * 100_000, "x 10 " * 50_000, " w" * 100_000])
def test_a_long_name_takes_no_time_and_names_nothing(name: str) -> None:
    names = ["time_s", name, "power_w"]
    assert find_columns(PATH, names, [["0", " " * 10_000 + "!", "100"]]).power.name == "power_w"


def test_a_number_in_a_name_is_no_factor() -> None:
    assert find_columns(PATH, ["t_s", "power (GPU 0) [W]"], []).power.unit == "w"


def test_a_time_that_speaks_of_power_is_no_power() -> None:
    columns = find_columns(PATH, ["power_time_s", "power_w"], [["0", "100"]])
    assert columns.power.name == "power_w"
