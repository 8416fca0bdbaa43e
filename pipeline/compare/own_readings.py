"""One reading of operations in files of the user, at several batch sizes; run in a process.

    python -m moeprof.pipeline.compare.own_readings OPS BATCH_SIZES [PRESET]

It prints a JSON list of Values: the process that asks has no operation of any commit loaded.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import msgspec

from ...compare.regression.side import METRICS
from ...scenarios.run_options import RunOptions
from ...store.disk.temporary import scratch_folder
from ...store.document import Positive, Size
from ...store.errors import MoeprofError
from ...store.tables.parquet import read_table
from ..parse import parse
from ..profile import profile

_MODULE: Final = __spec__.name


@dataclass(frozen=True, slots=True)
class Value:
    """One measured value, positive, in `unit`."""

    metric: str
    unit: str
    op: str
    curve: str
    tokens: Size
    value: Positive


def command(ops: str, batch_sizes: str) -> tuple[str, ...]:
    """Words of the command that prints one reading."""
    return (sys.executable, "-m", _MODULE, ops, batch_sizes)


def values_of(text: str) -> list[Value]:
    """Read what the command printed. Raises ValueError where it is something else."""
    try:
        return msgspec.json.decode(text.encode(), type=list[Value])
    except (msgspec.MsgspecError, UnicodeEncodeError) as error:
        raise ValueError(str(error)) from error


def measure(ops: str, batch_sizes: str) -> list[Value]:
    """Measure operations at every one of the batch sizes, energy too where it can be read.

    Raises BadInput and CannotMeasure where that cannot be, with the reason.
    """
    options = RunOptions(
        ops=ops,
        batch_sizes=batch_sizes,
        sampling="all",
        force=True,  # another reading may still give the device back
    )
    with scratch_folder() as store:
        run = profile(options, store=store, alone=True).folder
        rows = read_table(parse(run).tables / "points.parquet", "points").to_pylist()
    values = [value for row in rows for value in _values(row)]
    if not values:
        raise MoeprofError(next((row["failure"] for row in rows if row["failure"]), "no point"))
    return values


def _values(row: Mapping[str, Any]) -> Iterator[Value]:
    for metric, (column, unit) in METRICS.items():
        if row.get(column):
            yield Value(metric, unit, row["op"], row["curve"], row["tokens"], row[column])


def main(words: list[str]) -> int:
    """Print one reading; return the exit code."""
    try:
        values = measure(*words)
    except MoeprofError as refusal:
        sys.stderr.write(f"{refusal.message}\n")
        return refusal.exit_code
    sys.stdout.write(json.dumps([asdict(value) for value in values]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
