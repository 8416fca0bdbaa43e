"""Which columns tell devices apart, and how several devices are refused."""

from pathlib import Path

import pandas as pd
import pytest

from moeprof.energy.meter_csv.devices import is_device, refuse_several_devices
from moeprof.store.errors import BadInput

PATH = Path("meter.csv")


@pytest.mark.parametrize(
    "name", ["index", " index", "uuid", "pci.bus_id", "GPU name", "gpu_id", "gpu", "Channel"]
)
def test_a_column_of_devices_is_known_by_its_name(name: str) -> None:
    assert is_device(name)


@pytest.mark.parametrize("name", ["temperature.gpu", "note", "pstate", "utilization.gpu [%]"])
def test_a_column_of_readings_is_none_of_devices(name: str) -> None:
    assert not is_device(name)


def test_several_devices_are_refused_with_their_names() -> None:
    cells = pd.Series([f" {device}" for device in range(6)] * 2)
    with pytest.raises(BadInput, match=r"'index' names 6 devices \('0', '1', '2', '3' and 2 more"):
        refuse_several_devices(PATH, "index", cells)


@pytest.mark.parametrize("cells", [["0", "0", "0"], ["0", "1", "2"], ["", "", "0", "0", "x"]])
def test_one_device_and_numbers_of_rows_are_no_several(cells: list[str]) -> None:
    refuse_several_devices(PATH, "index", pd.Series(cells))
