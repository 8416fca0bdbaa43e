"""The model's predictions against the sizes that its fit never saw."""

from ....device.identity import choose_device
from ....store.run import latest_run
from ....store.verdicts.summary import headline
from ...validate import validate
from ..results import Facts
from ..work import Work


def judge_model(work: Work) -> Facts:
    """Validate the model of the sweep against its own hold-out."""
    run = latest_run(work.runs)
    verdict = validate(run.model_path, progress=work).verdict
    return {
        "device": choose_device(None),
        "run": run.folder.name,
        "outcome": verdict.outcome,
        "headline": headline(verdict),
        "unmeasured": verdict.unmeasured,
        "curves": [
            {
                "op": curve.op,
                "metric": curve.metric,
                "outcome": curve.outcome,
                "median": curve.median,
                "limit": curve.limit,
                "reason": curve.reason,
            }
            for curve in verdict.curves
        ],
    }
