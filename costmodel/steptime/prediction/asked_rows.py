"""Steps that are asked for, as rows."""

import numpy as np

from ..features.deployment import Deployment
from ..features.steps import Steps
from ..rows.serving_rows import ServingRows
from ..rows.workload import workloads


def as_rows(served: Deployment, steps: Steps, version: str = "") -> ServingRows:
    """Steps of one deployment as rows that nobody measured."""
    count = len(steps.running)
    unknown, none = np.full(count, np.nan), np.full(count, "")
    return ServingRows(
        deployments=(served,),
        which=np.zeros(count, dtype=np.intp),
        steps=steps,
        stated_us=unknown,
        step_us=unknown,
        decode_us=unknown,
        power_w=unknown,
        version=np.full(count, version),
        source=none,
        name=none,
        time_s=unknown,
        workload=workloads(steps, unknown),
    )
