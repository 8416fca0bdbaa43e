"""A run's own meter, and what it says of the device's sensor."""

from pathlib import Path

import pytest

from moeprof.energy.counter import Measured
from moeprof.energy.per_launch import MeteredLoad
from moeprof.energy.run_meter import SensorGain, run_meter
from moeprof.energy.window import WindowEnergy
from moeprof.profiler.power.meter_file import keep_meter
from moeprof.store.errors import BadInput
from moeprof.store.recording import Load
from moeprof.tests.energy.metered_runs import write_meter, write_run


def a_load(sensor_w: float | None, meter_w: float | None) -> MeteredLoad:
    power = Measured(meter_w, 1.0, 9)
    cost = WindowEnergy(power, power, None, None, "external_meter", (), ())
    return MeteredLoad(Load("operation", "a", 0, (0, 1), (0, 1)), cost, 100.0, sensor_w)


def test_a_run_without_a_meter_has_none(tmp_path: Path) -> None:
    assert run_meter(write_run(tmp_path / "run").recordings()) is None


def test_the_meter_of_a_run_is_the_file_that_was_kept(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    keep_meter(run, write_meter(tmp_path / "meter.csv"))
    assert run_meter(run.recordings()) is not None
    kept = run.unit("meter", "csv") / "meter.csv"
    kept.write_text(kept.read_text().replace("0", "1"))
    with pytest.raises(BadInput, match="its sha256 differs"):
        run_meter(run.recordings())


def test_the_gain_is_the_median_over_the_loads_that_have_both() -> None:
    loads = [a_load(95, 100), a_load(94, 100), a_load(96, 100), a_load(None, 1), a_load(1, None)]
    gain = SensorGain.of(loads)
    assert gain == SensorGain(0.95, 0.94, 0.96, 3)
    assert "shows 0.950 of its power (0.940 to 0.960 over 3 loads)" in str(gain)
    assert SensorGain.of([a_load(None, 100)]) is None


def test_a_load_whose_powers_differ_otherwise_is_marked() -> None:
    gain = SensorGain(0.98, 0.9, 0.99, 3)
    assert gain.marked(a_load(99, 100)) == a_load(99, 100)
    assert gain.marked(a_load(None, 100)) == a_load(None, 100)
    (mark,) = gain.marked(a_load(90, 100)).cost.marks
    assert mark == "sensor over meter is 0.900 here, and 0.980 in the run"


@pytest.mark.parametrize("ratio", [0.949, 1.127])
def test_a_sensor_that_differs_from_the_meter_marks_every_load(ratio: float) -> None:
    gain = SensorGain(ratio, ratio, ratio, 3)
    for sensor_w in (100 * ratio, None):
        (mark,) = gain.marked(a_load(sensor_w, 100)).cost.marks
        assert mark == f"the sensor shows {ratio:.3f} of the meter's power"
    assert len(gain.marked(a_load(80, 100)).cost.marks) == 2
