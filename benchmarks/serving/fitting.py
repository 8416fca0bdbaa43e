"""Whether the requests that ran in public results fit into the cache that we say a GPU has.

    python benchmarks/serving/fitting.py DIR

Of rows whose running requests were measured: how many ran within the requests that we say fit at
their context, and the ratio of both. An engine cannot run more, so that a ratio above 1 says that
the cache is larger than told, or the context shorter than stated.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".path"))

from moeprof.costmodel.steptime.engine.memory import memory_of
from moeprof.costmodel.steptime.engine.settings import EngineSettings
from moeprof.costmodel.steptime.rows.models_table import read_models
from moeprof.costmodel.steptime.rows.public_table import read_rows, read_table
from moeprof.store.errors import BadInput

MEASURED = "running_mean"


def main() -> None:
    """Run it."""
    data = Path(sys.argv[1])
    path = data / "serving_rows.parquet"
    rows, _ = read_rows(path, read_models(data / "models.csv"))
    table = read_table(path)
    kinds = dict(zip(table["row_id"], table["batch_kind"], strict=True))
    ratios, refused, largest = [], 0, []
    for place, served in enumerate(rows.deployments):
        at = np.flatnonzero(rows.which == place)
        try:
            memory = memory_of(served, EngineSettings())
        except BadInput as refusal:
            refused += len(at)
            print(f"{len(at)} rows: {refusal.message}")
            continue
        at = at[[kinds[str(name)] == MEASURED for name in rows.name[at]]]
        if not len(at):
            continue
        steps = rows.steps.taken(at)
        fit = [memory.requests(float(one)) for one in steps.context_tokens]
        of_these = steps.running / np.maximum(fit, 1)
        ratios.extend(of_these.tolist())
        largest.append(float(of_these.max()))
    within = np.asarray(ratios) <= 1
    print(f"{len(rows) - refused} of {len(rows)} rows have a model that fits")
    print(f"{within.mean():.1%} of {len(within)} rows with measured requests ran within what fits")
    full = np.asarray([one for one in largest if one > 0.9])
    median = np.median(full)
    print(f"{len(full)} of {len(largest)} deployments ran above 0.9 of it: median {median:.2f}")


if __name__ == "__main__":
    main()
