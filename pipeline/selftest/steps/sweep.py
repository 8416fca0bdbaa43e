"""A short sweep of three operations, with the power pass."""

import time
from dataclasses import asdict
from typing import Final

from ....device.identity import choose_device
from ....store.recording import CollectorName
from ...profile import RunOptions, profile
from ..results import Facts
from ..work import Work

OPS: Final = "fc1,dequant_linear,topk"
_BUDGET_SHARE: Final = 0.8  # of the step's time; the rest is for its start and its last trace


def sweep(work: Work) -> Facts:
    """Measure the operations into the store of the selftest.

    On a GPU under torch.profiler, which every CUDA build has: its times can be held against CUDA
    events, and its traces are small.
    """
    device = choose_device(None)
    collector = CollectorName.CPU if device == "cpu" else CollectorName.KINETO
    budget_s = _BUDGET_SHARE * max(work.left_s(), 1.0)
    facts: Facts = {"device": device, "ops": OPS, "budget_s": budget_s}
    work.found(facts)
    begin_s = time.monotonic()
    options = RunOptions(ops=OPS, collectors=collector, budget_s=budget_s)
    result = profile(options, store=work.runs, progress=work)
    return facts | {
        "took_s": time.monotonic() - begin_s,
        "run": result.folder.name,
        "summaries": [asdict(one) for one in result.ops],
        "warnings": list(result.warnings),
    }
