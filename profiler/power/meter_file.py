"""Copies the CSV file of an external power meter into a run, as one more recording."""

import shutil
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from ...energy.meter_clock import METER_FILE, align, power_logs
from ...energy.per_launch import MeteredLoad, metered_loads
from ...energy.power_meter import PowerMeter, PowerTrace
from ...store.disk.exchange import take_place
from ...store.disk.sync import make_folder, sync_folder
from ...store.disk.temporary import temporary_folder
from ...store.document import read_document, write_document
from ...store.errors import BadInput
from ...store.files import cannot_write, write_whole
from ...store.provenance import EnergySource, Provenance
from ...store.recorded.held import Recordings
from ...store.recorded.units import RECORDING_FILE
from ...store.recording import CollectorName, Recording, sha256_of
from ...store.run import Run

UNIT: Final = "csv"
_MIN_GAIN: Final = 0.7  # sensor power over meter power; published ones are 0.92 to 1.13
_MAX_GAIN: Final = 1.4
_MAX_LOST: Final = 0.1  # share of the loads with energy that a meter may give none


def keep_meter(run: Run, path: Path) -> None:
    """Copy a meter's CSV into a run; it replaces the one that the run may hold.

    Raises BadInput, and changes nothing, where it cannot be aligned with the run's loads, where its
    power is far from the sensor's, or where over a tenth of the loads would lose their energy.
    """
    recordings = run.recordings()
    meter = align(path, power_logs(recordings))
    loads = _loads(recordings, meter)
    _check_scale(path, loads)
    _check_measures(path, loads, _loads(recordings, None))
    _keep(run, path, _warnings(meter.trace))


def _keep(run: Run, path: Path, warnings: tuple[str, ...]) -> None:
    """Copy the file and write its recording beside it, at once in the place of the one before."""
    unit, began_ns = run.unit(CollectorName.METER, UNIT), time.time_ns()
    try:
        make_folder(unit.parent)
        with temporary_folder(unit.parent) as staged:
            write_whole(staged / METER_FILE, path.read_bytes())
            recording = Recording(
                unit=UNIT,
                op="",
                collector=CollectorName.METER,
                tool=EnergySource.EXTERNAL_METER,
                tool_version="",
                command=(),
                exit_code=None,
                started_utc_ns=began_ns,
                ended_utc_ns=time.time_ns(),
                scenarios=(),
                served=(),
                failures=(),
                warnings=warnings,
                files={METER_FILE: sha256_of(staged / METER_FILE)},
                provenance=read_document(run.provenance_path, Provenance),
            )
            write_document(staged / RECORDING_FILE, recording)
            if not take_place(staged, unit):
                shutil.rmtree(unit)
                staged.rename(unit)
            sync_folder(unit.parent)
    except OSError as error:
        raise cannot_write(unit, error) from error


def _warnings(trace: PowerTrace) -> tuple[str, ...]:
    counts = {
        "rows hold no reading": trace.left_out,
        "rows have the time of the row before, and count as their mean": trace.same_time,
    }
    return tuple(f"{rows} {words}" for words, rows in counts.items() if rows)


def _loads(recordings: Recordings, meter: PowerMeter | None) -> list[MeteredLoad]:
    """Energy of every load of a run, by its sensors, or by a meter."""
    return [
        one
        for folder, recording in recordings
        if recording.collector == CollectorName.POWER
        for one in metered_loads(folder, recording, meter)[0]
    ]


def _check_scale(path: Path, loads: Sequence[MeteredLoad]) -> None:
    """Compare the median power of the sensor with that of the meter."""
    both = [
        (one.cost.sensor_power_w, meter_w)
        for one in loads
        if one.cost.sensor_power_w is not None and (meter_w := one.cost.power_w.value)
    ]
    if not both:
        return
    sensor_w, meter_w = (median(powers_w) for powers_w in zip(*both, strict=True))
    if not _MIN_GAIN <= sensor_w / meter_w <= _MAX_GAIN:
        raise BadInput(
            f"{path} has {meter_w:.4g} W where the device's own sensor shows {sensor_w:.4g} W, and"
            f" the sensor may show {_MIN_GAIN} to {_MAX_GAIN} of a meter's power",
            hint="give the power in watts, and let the meter see the device alone",
        )


def _check_measures(
    path: Path, by_meter: Sequence[MeteredLoad], by_sensor: Sequence[MeteredLoad]
) -> None:
    reasons = [one.cost.reason for one in by_meter if one.cost.reason is not None]
    n_meter = len(by_meter) - len(reasons)
    n_sensor = sum(one.cost.reason is None for one in by_sensor)
    if n_meter and n_meter >= (1 - _MAX_LOST) * n_sensor:
        return
    lost = [
        one.cost.reason
        for one, other in zip(by_meter, by_sensor, strict=True)
        if one.cost.reason is not None and other.cost.reason is None
    ]
    (reason, _), *_ = Counter(lost or reasons).most_common(1)
    raise BadInput(
        f"{path} gives {n_meter} loads of the run an energy, and the device's own sensor gives"
        f" {n_sensor}: {reason}",
        hint="let it record the whole power pass, at 20 readings a second or more",
    )
