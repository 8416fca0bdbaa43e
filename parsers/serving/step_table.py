"""Steps of vLLM's scheduler that others have put into a Parquet table.

A column is named like the attribute of the trace, with underscores for dots: `step_duration_us`,
`batch_prefill_tokens`. Beside them may stand `experiment_id`, `model` and `tp`
(inference-sim/inference-sim, branch stepml-experiments, enriched_steps.parquet).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...stats.arrays import Float64
from ...store.errors import BadInput, shortened
from ...store.files import read_bytes
from ...store.tables.one_thread import read_in_one_thread
from .steps import NUMBERS, TracedSteps, possible

_MOST_BYTES: Final = 256 << 20
_RUN, _MODEL, _TP = "experiment_id", "model", "tp"
_NEEDED: Final = ("step_id", "step_duration_us")


@dataclass(frozen=True, slots=True)
class StepTable:
    """The steps of a table, and by run the model and the number of GPUs that it states, if any."""

    steps: TracedSteps
    models: dict[str, str]
    tp: dict[str, int]


def is_step_table(path: Path) -> bool:
    """Whether a Parquet file has the columns of steps."""
    try:
        names = set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return False
    return set(_NEEDED) <= names


def read_step_table(path: Path) -> StepTable:
    """Read the steps of a table. Raises BadInput where it is none."""
    try:
        table = read_in_one_thread(pa.BufferReader(read_bytes(path, _MOST_BYTES)))
        runs = _texts(table, _RUN) or ["run"] * table.num_rows
        columns = {
            name: _numbers(table, attribute.replace(".", "_"))
            for name, attribute in NUMBERS.items()
        }
    except (pa.ArrowException, OSError) as error:
        raise BadInput(
            f"{path} is no table of steps: {shortened(str(error))}",
            hint="its columns are numbers, named like the attributes of step.BATCH_SUMMARY",
        ) from error
    named = tuple(dict.fromkeys(runs))
    place = np.asarray([named.index(run) for run in runs], dtype=np.float64)
    order = np.lexsort((columns["step_id"], place))
    unknown = np.full(len(order), np.nan)
    steps = TracedSteps(
        runs=named,
        run=place[order],
        time_s=unknown,
        columns=possible({name: values[order] for name, values in columns.items()}),
        context_tokens=unknown,
        prompt_tokens=unknown,
    )
    models = dict(zip(runs, _texts(table, _MODEL), strict=False))
    split = dict(zip(runs, _texts(table, _TP), strict=False))
    return StepTable(
        steps, models, {run: int(ways) for run, ways in split.items() if ways.isdigit()}
    )


def _texts(table: pa.Table, name: str) -> list[str]:
    """A column as texts; none where the table lacks it."""
    if name not in table.column_names:
        return []
    return ["" if value is None else str(value) for value in table[name].to_pylist()]


def _numbers(table: pa.Table, name: str) -> Float64:
    """A column as numbers, NaN where the table lacks it or has none. Raises pa.ArrowException."""
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    column: Any = table[name].cast(pa.float64())
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
