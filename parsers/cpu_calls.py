"""Recordings whose measurement is the script's own clock, as the table `calls`."""

import numpy as np
import pyarrow as pa

from ..store.recording import Recording
from ..store.tables import table_from_columns


def cpu_calls(recording: Recording) -> pa.Table:
    """Build `calls` from `Recording.served`: one row per timed call, with its wall time alone."""
    served = recording.served
    counts = [len(point.calls_ns) for point in served]
    columns = {
        "recording": [recording.unit] * sum(counts),
        "scenario_key": np.repeat([point.scenario_key for point in served], counts).tolist(),
        "visit": np.repeat([point.visit for point in served], counts).tolist(),
        "call": [call for count in counts for call in range(count)],
        "wall_ns": [wall for point in served for wall in point.calls_ns],
        "kernels": [None] * sum(counts),
    }
    return table_from_columns("calls", columns)
