"""Keeping a meter's file with a run: made up, and of real sensors beside a real meter."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moeprof.device.nvml import ENERGY, POWER_INSTANT, TEMP_GPU
from moeprof.energy.power_log import Series
from moeprof.energy.power_meter import NOT_COVERED, TOO_FEW_READINGS
from moeprof.pipeline.parse import parse_run, tables_are_current
from moeprof.profiler.power.meter_file import keep_meter
from moeprof.store.errors import BadInput
from moeprof.store.plan import PowerPlan
from moeprof.store.recording import Load, sha256_of
from moeprof.store.run import Run
from moeprof.store.tables.parquet import read_table
from moeprof.store.tables.schemas import SCHEMAS
from moeprof.tests.builders import make_scenario
from moeprof.tests.energy.metered_runs import (
    CALL_US,
    LOADS,
    begin_run,
    keep_load,
    sensor_readings,
    write_meter,
    write_run,
)
from moeprof.tests.energy.power_logs import S, series

Row = dict[str, Any]


def points(run: Run) -> dict[int, Row]:
    return {row["tokens"]: row for row in read_table(run.table("points"), "points").to_pylist()}


def test_energies_come_from_the_meter_and_the_sensors_gain_is_reported(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    parse_run(run)
    by_sensor = points(run)
    keep_meter(run, write_meter(tmp_path / "meter.csv"))
    assert not tables_are_current(run)
    (warning,) = parse_run(run).warnings
    assert "shows 0.950 of its power" in warning
    for _, tokens, watts in LOADS[:3]:
        row = points(run)[tokens]
        assert row["power_w"] == pytest.approx(watts, rel=0.01)
        assert row["energy_mj"] == pytest.approx(watts * CALL_US / 1000, rel=0.01)
        assert row["power_w"] == pytest.approx(by_sensor[tokens]["power_w"] / 0.95, rel=0.004)
        assert (row["energy_source"], row["energy_n"]) == ("external_meter", 2)
        assert by_sensor[tokens]["energy_source"] == "nvml_counter"
        assert row["energy_mj_ci95"] > 0
        assert row["marks"] == ["the sensor shows 0.950 of the meter's power"]


def test_the_same_files_give_the_same_tables_without_the_meters_own(tmp_path: Path) -> None:
    run, csv = write_run(tmp_path / "run"), write_meter(tmp_path / "meter.csv")
    keep_meter(run, csv)
    parse_run(run)
    before = [run.table(name).read_bytes() for name in SCHEMAS if run.table(name).exists()]
    csv.unlink()
    parse_run(run)
    assert before == [run.table(name).read_bytes() for name in SCHEMAS if run.table(name).exists()]


def as_nvidia_smi(time_s: float, power_w: float) -> str:
    day = datetime(2026, 1, 2, 23, 59, 55, tzinfo=UTC) + timedelta(seconds=time_s)
    return f"{day:%Y/%m/%d %H:%M:%S.%f}, {power_w:.3f} W"


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("time_ms,power_mw", lambda t, p: f"{t * 1000:.3f},{p * 1000:.1f}"),
        ("timestamp, power.draw [W]", as_nvidia_smi),
        ("Zeit [s];Leistung [kW]", lambda t, p: f"{t:.4f};{p / 1000:.6f}".replace(".", ",")),
    ],
)
def test_the_form_of_a_meters_file_changes_no_energy(
    tmp_path: Path, head: str, row: Callable[[float, float], str]
) -> None:
    run, csv = write_run(tmp_path / "run"), write_meter(tmp_path / "meter.csv", readings_per_s=50)
    keep_meter(run, csv)
    parse_run(run)
    plain = points(run)
    rows = np.loadtxt(csv, delimiter=",", skiprows=1)
    csv.write_text("".join(f"{line}\n" for line in [head, *(row(t, p) for t, p in rows)]))
    keep_meter(run, csv)
    parse_run(run)
    for tokens, point in points(run).items():
        assert point["power_w"] == pytest.approx(plain[tokens]["power_w"], rel=1e-4)


def test_rows_without_a_reading_and_rows_at_one_time_are_counted(tmp_path: Path) -> None:
    run, csv = write_run(tmp_path / "run"), write_meter(tmp_path / "meter.csv")
    head, first, *rows = csv.read_text().splitlines(keepends=True)
    csv.write_text("".join([head, first, first, "off\n", *rows[:40], "a note, 3\n", *rows[40:]]))
    keep_meter(run, csv)
    warnings = " ".join(parse_run(run).warnings)
    assert "2 rows hold no reading" in warnings
    assert "1 rows have the time of the row before" in warnings


def test_another_meter_takes_the_place_of_the_first(tmp_path: Path) -> None:
    run, csv = write_run(tmp_path / "run"), write_meter(tmp_path / "meter.csv")
    keep_meter(run, csv)
    keep_meter(run, write_meter(csv, readings_per_s=300))
    (recording,) = [one for _, one in run.recordings() if one.collector == "meter"]
    assert recording.files == {"meter.csv": sha256_of(csv)}


def test_a_meter_that_stopped_early_leaves_loads_without_energy(tmp_path: Path) -> None:
    """The sensor's log of the last load is lost as well."""
    run = write_run(tmp_path / "run")
    lose_sensor(run, "gelu-b8-*@1")
    keep_meter(run, write_meter(tmp_path / "meter.csv", last_s=16.0))
    parse_run(run)
    row = points(run)[8]
    assert row["energy_n"] == 1
    assert f"load 1 gave no energy: {NOT_COVERED}" in row["marks"]


def lose_sensor(run: Run, unit: str) -> None:
    """Let the counter and the instant power of one load be refused."""
    (folder,) = run.folder.glob(f"raw/power/{unit}")
    (recording,) = [one for path, one in run.recordings() if path == folder]
    (load,) = recording.loads
    time_ns = np.arange(load.marks_ns[0], load.marks_ns[-1], S // 10)
    refused = series(time_ns, np.nan, code=4)
    readings = {ENERGY: refused, POWER_INSTANT: refused, TEMP_GPU: series(time_ns, 60)}
    keep_load(run, load, readings)


def test_a_meter_that_loses_loads_which_the_sensor_has_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    keep_meter(run, write_meter(tmp_path / "meter.csv"))
    (kept,) = run.folder.glob("raw/meter/*/meter.csv")
    before = kept.read_bytes()
    words = (
        "gives 5 loads of the run an energy, and the device's own sensor gives 6: the meter does"
    )
    with pytest.raises(BadInput, match=words):
        keep_meter(run, write_meter(tmp_path / "short.csv", last_s=16.0))
    assert kept.read_bytes() == before


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        (0.02, r"has 6\.0\d* W where the device's own sensor shows 285\S* W"),
        (2.0, r"has 60\d\S* W where the device's own sensor shows 285\S* W"),
    ],
)
def test_a_power_that_is_not_in_watts_is_refused(tmp_path: Path, scale: float, words: str) -> None:
    run, csv = write_run(tmp_path / "run"), write_meter(tmp_path / "meter.csv")
    rows = np.loadtxt(csv, delimiter=",", skiprows=1) * [1, scale]
    csv.write_text("time_s,power_w\n" + "".join(f"{t:.4f},{p:.6f}\n" for t, p in rows))
    with pytest.raises(BadInput, match=words) as caught:
        keep_meter(run, csv)
    assert "watts" in caught.value.hint
    assert not (run.folder / "raw" / "meter").exists()


def test_a_sensor_that_went_wrong_in_one_load_marks_it(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    keep_meter(run, write_meter(tmp_path / "meter.csv"))
    (folder,) = run.folder.glob("raw/power/gelu-b64*@0")
    (recording,) = [one for path, one in run.recordings() if path == folder]
    (load,) = recording.loads
    keep_load(run, load, sensor_readings(LOADS[2][0] - 0.2, 1.7, gain=0.8))
    parse_run(run)
    assert "sensor over meter is 0.800 here, and 0.950 in the run" in points(run)[64]["marks"]
    assert points(run)[1]["marks"] == ["the sensor shows 0.950 of the meter's power"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("when,much\n1,2\n", "0 columns of time and 0 of power"),
        ("time_s,power_w\n1,2\n2,3\n", "no lag of its clock fits"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_kept(
    tmp_path: Path, text: str, words: str
) -> None:
    run, csv = write_run(tmp_path / "run"), tmp_path / "meter.csv"
    csv.write_text(text)
    with pytest.raises(BadInput, match=words):
        keep_meter(run, csv)
    assert not (run.folder / "raw" / "meter").exists()


def test_a_meter_too_slow_to_see_a_load_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    with pytest.raises(BadInput, match=TOO_FEW_READINGS) as caught:
        keep_meter(run, write_meter(tmp_path / "meter.csv", readings_per_s=5))
    assert "20 readings a second" in caught.value.hint
    assert not (run.folder / "raw" / "meter").exists()


@pytest.mark.parametrize("readings_per_s", [20, 50])
def test_a_slow_meter_is_of_use(tmp_path: Path, readings_per_s: int) -> None:
    run = write_run(tmp_path / "run")
    keep_meter(run, write_meter(tmp_path / "meter.csv", readings_per_s=readings_per_s))
    parse_run(run)
    for _, tokens, watts in LOADS[:3]:
        assert points(run)[tokens]["power_w"] == pytest.approx(watts, rel=0.01)


def real_readings(stem: str) -> tuple[dict[str, Series], Path]:
    """Readings of a real sensor from second 1 of the log on, and its meter's CSV."""
    folder = os.environ.get("MOEPROF_SAMPLE_DATA")
    if folder is None:
        pytest.skip("MOEPROF_SAMPLE_DATA is unset")
    rows = np.genfromtxt(Path(folder, f"power/{stem}_nvml.csv"), delimiter=",", names=True)
    time_ns = ((rows["t_s"] - rows["t_s"][0] + 1) * 1e9).astype(np.int64)
    readings = {
        ENERGY: series(time_ns, np.nan, code=3),
        POWER_INSTANT: series(time_ns, np.round(rows["nvml_instant_W"] * 1000)),
        TEMP_GPU: series(time_ns, rows["temp_C"]),
    }
    return readings, Path(folder, f"power/{stem}_meter.csv")


def a_real_run(folder: Path, readings: dict[str, Series]) -> tuple[Run, Load]:
    """A run whose one load is the hot part of a real log, with a call each 50 us."""
    power = readings[POWER_INSTANT]
    hot_ns = power.begin_ns[power.value > (power.value.min() + power.value.max()) / 2]
    begin_ns, end_ns = int(hot_ns[0]), int(hot_ns[-1])
    run = begin_run(folder, PowerPlan(anchors=1, blocks=1))
    launches = round((end_ns - begin_ns) / 1e3 / CALL_US)
    key = make_scenario(64).key
    load = Load("operation", key, 0, (begin_ns, end_ns), (0, launches), 1.0, 0.003)
    keep_load(run, load, readings)
    return run, load


@pytest.mark.parametrize(
    ("stem", "gain"), [("Transient_Response_A100_TR", 0.943), ("Transient_Response_3090_TR", 0.949)]
)
def test_a_real_sensor_beside_a_real_meter(tmp_path: Path, stem: str, gain: float) -> None:
    """The gains are those of the whole traces, idle parts and all."""
    readings, csv = real_readings(stem)
    run, load = a_real_run(tmp_path / "run", readings)
    parse_run(run)
    by_sensor = points(run)[64]
    assert by_sensor["energy_source"] == "nvml_power"
    keep_meter(run, csv)
    (warning,) = parse_run(run).warnings
    by_meter = points(run)[64]
    assert by_meter["energy_source"] == "external_meter"
    ratio = by_sensor["power_w"] / by_meter["power_w"]
    assert ratio == pytest.approx(gain, abs=0.015)
    assert f"shows {ratio:.3f} of its power" in warning

    meter = np.genfromtxt(csv, delimiter=",", names=True)
    seconds = (load.marks_ns[-1] - load.marks_ns[0]) / S
    hot = meter["meter_W"] > (meter["meter_W"].min() + meter["meter_W"].max()) / 2
    middle_s = meter["t_s"][hot].mean()
    inside = np.abs(meter["t_s"] - middle_s - 0.25) < seconds / 2 - 0.35
    assert by_meter["power_w"] == pytest.approx(meter["meter_W"][inside].mean(), rel=0.005)


def test_a_real_load_that_repeats_itself_is_refused(tmp_path: Path) -> None:
    readings, csv = real_readings("5050_A100")
    run, _ = a_real_run(tmp_path / "run", readings)
    with pytest.raises(BadInput, match="no lag of its clock fits, or several"):
        keep_meter(run, csv)
