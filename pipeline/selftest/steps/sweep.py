"""A short sweep of three operations, with the power pass."""

from dataclasses import asdict
from typing import Final

from ....device.identity import choose_device
from ....profiler.host_clock import SYSTEM_CLOCK
from ....store.recording import CollectorName
from ....store.run import Run
from ...profile import RunOptions, profile
from ..results import Facts
from ..work import Work

OPS: Final = "fc1,dequant_linear,topk"
# Of the step's time, what is left for its start and its last trace: the larger of the two.
_BESIDE_SHARE: Final = 0.2
_BESIDE_S: Final = 20.0


def sweep(work: Work) -> Facts:
    """Measure the operations into the store of the selftest.

    On a GPU under torch.profiler, which every CUDA build has: its times can be held against CUDA
    events, and its traces are small.
    """
    device = choose_device(None)
    collector = CollectorName.CPU if device == "cpu" else CollectorName.KINETO
    left_s = max(work.left_s(), 1.0)
    budget_s = max(left_s - max(_BESIDE_SHARE * left_s, _BESIDE_S), left_s / 2)
    facts: Facts = {"device": device, "ops": OPS, "budget_s": budget_s}
    work.found(facts)
    options = RunOptions(ops=OPS, collectors=collector, budget_s=budget_s)
    result = profile(options, store=work.runs, progress=work)
    return facts | {
        "took_s": _since_first_s(Run(result.folder)),
        "run": result.folder.name,
        "summaries": [asdict(one) for one in result.ops],
        "warnings": list(result.warnings),
    }


def _since_first_s(run: Run) -> float | None:
    """Time since the first process of a run that measured, in s; None where none did."""
    began_ns = [recording.started_utc_ns for _, recording in run.recordings()]
    return (SYSTEM_CLOCK.epoch_ns() - min(began_ns)) / 1e9 if began_ns else None
