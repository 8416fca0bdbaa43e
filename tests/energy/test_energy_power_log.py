"""Reading power logs: their clocks, their codes, and files that are no power logs."""

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
