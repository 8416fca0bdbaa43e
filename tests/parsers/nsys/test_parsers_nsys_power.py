"""Power samples that nsys's plugin nvml_metrics left among the generic events."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from moeprof.parsers.nsys.trace import read_nsys
from moeprof.parsers.trace_tables import trace_tables
from moeprof.tests.builders import EPOCH_NS
from moeprof.tests.nsys_file import NsysFile
from moeprof.tests.parsers.pieces import concatenated


def _samples(file: NsysFile) -> list[tuple[Any, ...]]:
    tables = concatenated(trace_tables(read_nsys(file.close()), "gelu.0", True))
    columns = ["recording", "gpu", "time_ns", "source", "power_w", "temp_c"]
    return [tuple(row.values()) for row in tables["power_samples"].select(columns).to_pylist()]


@pytest.mark.parametrize(("stored", "watts"), [(68_500, 68.5), (68.5, 68.5)])
def test_power_is_in_watts_on_the_clock_of_the_trace(
    nsys_file: Callable[..., NsysFile], stored: float, watts: float
) -> None:
    file = nsys_file()
    file.add("TARGET_INFO_GPU", id=3, name="GPU")
    for time in (20, 10):
        data = json.dumps({"Power": str(stored), "Temperature": "41"})
        file.add("GENERIC_EVENTS", timestamp=time, typeId=7, data=data)
    expected = [("gelu.0", 3, EPOCH_NS + time, "nsys_nvml", watts, 41.0) for time in (10, 20)]
    assert _samples(file) == expected


def test_the_normalised_layout_says_which_gpu(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    for field, name in enumerate(["GPU ID", "Power [mW]"]):
        file.add("GENERIC_EVENT_TYPE_FIELDS", typeId=7, fieldIdx=field,
                 fieldNameId=file.string(name), type=1)  # fmt: skip
    for event, (gpu, milliwatts) in enumerate([(0, 70_000), (1, 90_000)]):
        file.add("GENERIC_EVENTS", genericEventId=event, timestamp=event + 1, typeId=7)
        for field, value in enumerate([gpu, milliwatts]):
            file.add("GENERIC_EVENT_DATA", genericEventId=event, fieldIdx=field, uintVal=value)
    found = [(gpu, power, temp) for _, gpu, _, _, power, temp in _samples(file)]
    assert found == [(0, 70.0, None), (1, 90.0, None)]


@pytest.mark.parametrize(
    ("fields", "power_w", "averaged"),
    [
        ({"Power": 70}, 70, None),
        ({"Instant Power [W]": 70}, 70, False),
        ({"Power Draw Average": 60}, 60, True),
        ({"Power": 60, "Power Instant": 70, "Average Power": 50}, 70, False),
    ],
)
def test_a_name_says_whether_the_power_is_an_average(
    nsys_file: Callable[..., NsysFile],
    fields: dict[str, int],
    power_w: float,
    averaged: bool | None,
) -> None:
    file = nsys_file()
    file.add("GENERIC_EVENTS", timestamp=1, typeId=7, data=json.dumps(fields))
    samples = read_nsys(file.close()).power_samples
    assert samples is not None
    assert samples.select(["power_w", "averaged"]).to_pylist() == [
        {"power_w": power_w, "averaged": averaged}
    ]


def test_without_the_plugin_there_is_no_power(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    file.add("GENERIC_EVENTS", timestamp=1, typeId=7, data='{"SM Active": "3"}')
    file.kernel(1, 2, None)
    assert read_nsys(file.close()).power_samples is None
