"""Reading power logs: their clocks, their codes, and files that are no power logs."""

import re
from pathlib import Path

import numpy as np
import pytest

from moeprof.device.nvml import ENERGY
from moeprof.energy.power_log import CLOCK_EPOCH, read_power_log
from moeprof.store.errors import BadInput
from moeprof.tests.energy.power_logs import EPOCH_NS, MS, S, series, steady_log

HEADER = '# {"schema": "moeprof.power_log/1.0", "gpu": "GPU-1", "name": "H200", "driver": null}\n'
COLUMNS = "begin_ns,end_ns,reading,code,value\n"
ROWS = """\
1000,2000,clock_epoch_ns,0,1700000000000001500
1000,2000,clock_boot_ns,0,1500
3000,4000,energy_mj,0,123456789012
5000,6000,energy_mj,15,
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "log.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_readings_keep_their_codes_and_a_failed_one_has_no_value(tmp_path: Path) -> None:
    log = read_power_log(written(tmp_path, HEADER + COLUMNS + ROWS))
    energy = log.series(ENERGY)
    assert energy.code.tolist() == [0, 15]
    assert energy.value[0] == 123456789012
    assert np.isnan(energy.value[1])
    assert len(energy.good()) == 1
    assert len(log.series("never_read")) == 0
    assert not log.simulated


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "not a power log"),
        ("time,power\n1,2\n", "not a power log"),
        (HEADER, "not a power log"),
        (HEADER + "a,b\n1,2\n", "columns are a, b"),
        (HEADER + COLUMNS + "1,2,energy_mj,0,many\n", "not a power log"),
        (HEADER + COLUMNS + "1,2,energy_mj,0,\n" + ROWS, "without a value"),
        (HEADER + COLUMNS + "1,2,energy_mj,0,5\n", "no reading of the host's clocks"),
        (HEADER.replace("/1.0", "/2.0") + COLUMNS + ROWS, "knows moeprof.power_log/1"),
        (HEADER.replace("power_log", "plan") + COLUMNS + ROWS, "names no moeprof.power_log"),
    ],
)
def test_a_file_that_is_no_power_log_is_refused(tmp_path: Path, text: str, found: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BadInput, match=found) as caught:
        read_power_log(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.csv"):
        read_power_log(tmp_path / "none.csv")


def test_times_go_to_the_epoch_and_back_while_the_clock_is_slewed() -> None:
    seconds = np.arange(0, 11) * S
    slewed = steady_log({CLOCK_EPOCH: series(seconds, seconds * 1.0004 + EPOCH_NS)})
    times = np.array([0, 4_500 * MS, 9_999 * MS])
    epochs = slewed.epoch_ns(times)
    assert np.abs(epochs - (times * 1.0004 + EPOCH_NS)).max() < 1000
    back = [slewed.monotonic_ns(int(epoch)) for epoch in epochs]
    assert np.abs(np.array(back) - times).max() < 2000


def test_between_and_around() -> None:
    energy = series([1, 2, 3, 4, 5], [10, 20, 30, 40, 50])
    assert energy.between(2, 4).value.tolist() == [20, 30, 40]
    assert energy.around(3, 3).value.tolist() == [30]
    shifted = series([10, 20, 30, 40], [1, 2, 3, 4])
    assert shifted.around(22, 28).value.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("7000,6000,energy_mj,0,5\n", "line 7 ends before it begins"),
        ("-1,6000,energy_mj,0,5\n", "line 7 is at a time below 0"),
        ("2000,6000,energy_mj,0,5\n", "line 7 goes back in time"),
        ("7000,8000,energy_mj,0,-5\n", "line 7 is negative"),
        ("7000,8000,,0,5\n", "line 7 names no reading"),
        ("7000,8000,clock_boot_ns,0,9223372036854775807\n", "line 7 is a clock beyond 2116"),
        ("7000,8000,energy_mj,0,1e308\n", "value in its line 7 is '1e308'"),
        ("7000,inf,energy_mj,0,5\n", "end_ns in its line 7 is 'inf'"),
        ("7000,8000,energy_mj,0,9223372036854775808\n", "must be a whole number of 64 bits"),
    ],
)
def test_a_reading_that_cannot_be_is_named_by_its_line(
    tmp_path: Path, row: str, found: str
) -> None:
    path = written(tmp_path, HEADER + COLUMNS + ROWS + row)
    with pytest.raises(BadInput, match=re.escape(found)) as caught:
        read_power_log(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "header",
    ['# {"schema": 1, "gpu": "", "name": ""}\n', "# " + "[" * 100_000 + "\n",
     HEADER.replace('"driver": null', '"sensor": "thermometer"')],
    ids=["a number", "deep", "an unknown sensor"],
)  # fmt: skip
def test_a_first_line_that_is_no_header_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(BadInput, match="is not a power log"):
        read_power_log(written(tmp_path, header + COLUMNS + ROWS))


def test_a_temperature_may_be_below_zero(tmp_path: Path) -> None:
    log = read_power_log(written(tmp_path, HEADER + COLUMNS + ROWS + "7000,8000,temp_gpu_c,0,-5\n"))
    assert log.series("temp_gpu_c").value.tolist() == [-5]
