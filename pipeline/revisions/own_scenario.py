"""One reading of an operation in a file of the user, as moeprof measures it; run in a process.

    python -m moeprof.pipeline.revisions.own_scenario FILE OP BATCH_SIZE METRIC

It prints the number alone: the process that asks has the operation of another commit loaded.
"""

import sys
from enum import StrEnum
from typing import Final

from ...device.identity import choose_device
from ...profiler.power.sensors import check_sensors
from ...scenarios.run_options import RunOptions
from ...store.disk.temporary import scratch_folder
from ...store.errors import MoeprofError
from ...store.tables.parquet import read_table
from ..measure.resolve import describe_here
from ..parse import parse
from ..profile import profile


class Metric(StrEnum):
    """What can be read of an operation."""

    LATENCY = "latency"
    ENERGY = "energy"
    POWER = "power"
    HEAT = "heat"


_COLUMNS: Final = {
    Metric.LATENCY: "latency_us",
    Metric.ENERGY: "energy_mj",
    Metric.POWER: "power_w",
    Metric.HEAT: "temp_c",
}


def command(file: str, op: str, batch_size: int, metric: Metric) -> tuple[str, ...]:
    """Words of the command that prints one reading.

    Raises CannotMeasure where the metric needs a sensor that is not here.
    """
    if metric is not Metric.LATENCY:
        usual = RunOptions()
        check_sensors(describe_here(choose_device(usual.device), usual.threads))
    return (sys.executable, "-m", __spec__.name, file, op, str(batch_size), metric)


def measure(file: str, op: str, batch_size: int, metric: Metric) -> float:
    """Measure one operation of a file at one batch size, in us, mJ, W or degC.

    Raises BadInput and CannotMeasure where that cannot be, with the reason.
    """
    options = RunOptions(
        ops=file,
        batch_sizes=str(batch_size),
        sampling="all",
        power=metric is not Metric.LATENCY,
        force=True,  # the ends are read under the same load, and the drift is taken off
    )
    with scratch_folder() as store:
        run = profile(options, store=store, alone=True).folder
        rows = read_table(parse(run).tables / "points.parquet", "points").to_pylist()
    row = next((one for one in rows if one["op"] == op), None)
    if row is None:
        raise MoeprofError(f"{file} has no operation {op}")
    value: float | None = row[_COLUMNS[metric]]
    if value is None:
        raise MoeprofError(row["failure"] or row["energy_reason"] or f"no {metric} was measured")
    return value


def main(words: list[str]) -> int:
    """Print one reading; return the exit code."""
    file, op, batch_size, metric = words
    try:
        value = measure(file, op, int(batch_size), Metric(metric))
    except MoeprofError as refusal:
        sys.stderr.write(f"{refusal.message}\n")
        return refusal.exit_code
    sys.stdout.write(f"{value!r}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
