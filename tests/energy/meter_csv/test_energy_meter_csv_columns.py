"""Which columns of a meter's CSV are time and power, and in what unit."""

from pathlib import Path

import pytest

from moeprof.energy.meter_csv.columns import Column, find_columns, no_columns
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
    columns = find_columns(PATH, ["note", name, "power_w"])
    assert columns is not None
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
    columns = find_columns(PATH, ["time_s", name, "note"])
    assert columns is not None
    assert columns.power == Column(1, name, unit)


def test_limits_and_names_without_a_unit_stand_back() -> None:
    names = ["timestamp", "t_s", "power.limit [W]", "power", "gpu_w", "max_power_w"]
    columns = find_columns(PATH, names)
    assert columns is not None
    assert (columns.time.name, columns.power.name) == ("t_s", "gpu_w")


@pytest.mark.parametrize("names", [[], ["a"], ["time_s"], ["power_w"], ["duration_s", "energy_j"]])
def test_names_without_one_of_each_are_none(names: list[str]) -> None:
    assert find_columns(PATH, names) is None
    assert "and needs one each" in no_columns(PATH, names).message


@pytest.mark.parametrize("names", [["time_s", "a_w", "b_w"], ["time_s", "t_ms", "power_w"]])
def test_two_of_one_kind_are_refused_by_name(names: list[str]) -> None:
    with pytest.raises(BadInput, match="and needs one each"):
        find_columns(PATH, names)
