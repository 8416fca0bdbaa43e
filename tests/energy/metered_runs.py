"""Runs whose power pass an external meter recorded too, from synthetic or real sensor readings.

The device's own sensor shows 95 % of the power; the meter has a clock of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from moeprof.device.nvml import ENERGY, POWER_INSTANT, TEMP_GPU
from moeprof.energy.power_log import CLOCK_BOOT, CLOCK_EPOCH, Series
from moeprof.profiler.power.sensor_log import SCHEMA, write_log
from moeprof.store.document import write_document
from moeprof.store.plan import OpPlan, PowerPlan
from moeprof.store.provenance import Gpu
from moeprof.store.recording import Load, PointTiming, Recording, sha256_of
from moeprof.store.run import Run
from moeprof.tests.builders import make_plan, make_provenance, make_recording, make_scenario
from moeprof.tests.energy.power_logs import EPOCH_NS, MS, S, series

GAIN, IDLE_W, CALL_US = 0.95, 100.0, 50.0
SIZES = (1, 8, 64)
LOAD_S = 1.5
# Begin, s, size and power, W, of each load: two blocks, no two loads the same time apart.
LOADS = (
    (2.0, 1, 200.0), (3.9, 8, 300.0), (6.3, 64, 400.0),
    (12.1, 64, 402.0), (14.2, 1, 201.0), (16.9, 8, 301.0),
)  # fmt: skip
AHEAD_S = 1234.5  # EPOCH_NS and this long: time since the epoch minus the meter's clock
_GPU = Gpu(0, "a GPU", "GPU-1", None, None, None, None, None, None, None)
PROVENANCE = replace(make_provenance("cuda:0"), gpu=_GPU)


def true_power_w(time_s: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[
    tuple[int], np.dtype[np.float64]
]:  # fmt: skip
    power_w = np.full(time_s.shape, IDLE_W)
    for begin_s, _, watts in LOADS:
        power_w[(time_s >= begin_s) & (time_s < begin_s + LOAD_S)] = watts
    return power_w


def write_meter(path: Path, *, readings_per_s: float = 500.0, last_s: float = 22.0) -> Path:
    """The CSV of a meter that watched from second 0 on, with some noise."""
    time_s = np.arange(0, last_s, 1 / readings_per_s)
    noise_w = np.random.default_rng(0).normal(0, 2, len(time_s))
    rows = zip(time_s - AHEAD_S, true_power_w(time_s) + noise_w, strict=True)
    path.write_text("time_s,meter_w\n" + "".join(f"{t:.4f},{p:.3f}\n" for t, p in rows))
    return path


def sensor_readings(
    begin_s: float, seconds: float, *, update_ms: int = 100, gain: float = GAIN
) -> dict[str, Series]:
    """Counter and instant power of the device, refreshed together; polled every 2 ms."""
    time_ms = np.arange(round(begin_s * 1000), round((begin_s + seconds) * 1000), 2)
    fine_s = np.arange(0, 30, 0.001)
    energy_mj = np.concatenate([[0], np.cumsum(true_power_w(fine_s) * gain)])
    refreshed = time_ms // update_ms * update_ms
    state_ms = time_ms[:: update_ms // 2]
    seen_mw = true_power_w((state_ms // update_ms * update_ms - 1) / 1000) * gain * 1000
    return {
        ENERGY: series(time_ms * MS, np.floor(energy_mj[refreshed])),
        POWER_INSTANT: series(state_ms * MS, np.floor(seen_mw)),
        TEMP_GPU: series(state_ms * MS, 60),
    }


def write_run(folder: Path, **sensor: float) -> Run:
    """A run of one operation, with its power pass; `sensor` goes to `sensor_readings`."""
    run = begin_run(folder, PowerPlan(anchors=3, blocks=2))
    repeats: dict[int, int] = {}
    for begin_s, tokens, _ in LOADS:
        repeat = repeats.setdefault(tokens, 0)
        repeats[tokens] += 1
        begin_ns, end_ns = int(begin_s * S), int((begin_s + LOAD_S) * S)
        launches = int(LOAD_S * 1e6 / CALL_US)
        key = make_scenario(tokens).key
        load = Load("operation", key, repeat, (begin_ns, end_ns), (0, launches), 1.0, 0.003)
        readings = sensor_readings(begin_s - 0.2, LOAD_S + 0.2, **sensor)  # type: ignore[arg-type]
        keep_load(run, load, readings)
    return run


def begin_run(folder: Path, power: PowerPlan | None) -> Run:
    """A run that has timed its operation at `SIZES`."""
    op = OpPlan("gelu", make_scenario(1).curve, SIZES, first=SIZES, holdout=())
    plan = replace(make_plan(), device="cuda:0", ops=(op,), power=power)
    run = Run(folder)
    write_document(run.plan_path, plan)
    write_document(run.provenance_path, PROVENANCE)
    calls_ns = (40_000,) * 8
    for tokens in SIZES:
        timing = PointTiming(make_scenario(tokens).key, 0, 8, calls_ns, EPOCH_NS, EPOCH_NS + 1)
        run.keep(_recording("cpu", f"gelu-{tokens}", tokens, timings=(timing,)))
    return run


def keep_load(run: Run, load: Load, readings: Mapping[str, Series], name: str = "a GPU") -> None:
    """Add a load with its log to a run."""
    tokens = next(size for size in SIZES if make_scenario(size).key == load.scenario_key)
    unit = f"{load.scenario_key}@{load.visit}"
    path = run.unit("power", unit) / "power.csv"
    write_power_log(path, readings, name)
    files = {"power.csv": sha256_of(path)}
    run.keep(replace(_recording("power", unit, tokens), loads=(load,), files=files))


def write_power_log(path: Path, readings: Mapping[str, Series], name: str) -> None:
    """A power log, as the recorder writes it; its clock is `EPOCH_NS` behind the epoch."""
    rows = [
        (int(begin), int(end), reading, int(code), None if code else int(value))
        for reading, each in readings.items()
        for begin, end, code, value in zip(
            each.begin_ns, each.end_ns, each.code, each.value, strict=True
        )
    ]
    first, last = min(row[0] for row in rows), max(row[1] for row in rows)
    for clock, ahead_ns in ((CLOCK_EPOCH, EPOCH_NS), (CLOCK_BOOT, 0)):
        rows += [(now, now, clock, 0, now + ahead_ns) for now in (first, last)]
    header = {"schema": SCHEMA, "gpu": "GPU-1", "name": name, "driver": None}
    write_log(path, header, sorted(rows))


def _recording(
    collector: str, unit: str, tokens: int, timings: Sequence[PointTiming] = ()
) -> Recording:
    return make_recording(
        timings, tokens=(tokens,), collector=collector, unit=unit, provenance=PROVENANCE
    )
