"""Power samples: from a log, and back to readings that the estimators take."""

import numpy as np
import pyarrow as pa
import pytest

from moeprof.device.nvml import TEMP_GPU
from moeprof.energy.power_samples import power_readings, power_samples, temperature_readings
from moeprof.energy.readings import mean_power_w
from moeprof.store.tables.parquet import table_from_columns
from moeprof.store.tables.schemas import SCHEMAS
from moeprof.tests.energy.power_logs import EPOCH_NS, MS, S, series, steady_log


def test_a_log_becomes_samples_on_the_epoch_with_the_temperature_of_the_time() -> None:
    late = series(np.arange(1 * S, 10 * S, S), 60 + np.arange(9))
    samples = power_samples(steady_log({TEMP_GPU: late}), "fc1")
    assert samples.schema.equals(SCHEMAS["power_samples"])
    rows = samples.to_pylist()
    assert rows[0]["time_ns"] == EPOCH_NS
    assert (rows[0]["power_w"], rows[0]["averaged"], rows[0]["temp_c"]) == (480, False, None)
    assert (rows[25]["temp_c"], rows[25]["source"], rows[25]["recording"]) == (
        61,
        "nvml_power",
        "fc1",
    )


def test_samples_of_a_simulated_gpu_say_so() -> None:
    samples = power_samples(steady_log(name="H200 (simulated)"), None)
    assert set(samples.column("source").to_pylist()) == {"simulated"}


def test_samples_are_readings_again_in_any_order() -> None:
    time_ns = np.arange(0, 4 * S, 100 * MS)[::-1]
    power_w = pa.array([None, *np.where(time_ns[1:] < 2 * S, 200.0, 400.0)])
    columns = {"time_ns": time_ns, "power_w": power_w, "temp_c": time_ns / S}
    samples = table_from_columns("power_samples", columns)
    readings = power_readings(samples)
    assert len(readings) == len(time_ns) - 1
    assert mean_power_w(readings, S, 3 * S).value == pytest.approx(300)
    temperatures = temperature_readings(samples)
    assert temperatures.value.tolist() == (temperatures.begin_ns / S).tolist()
