"""The sweep's recordings made shareable, parsed, and fitted to a cost model."""

from ....device.identity import choose_device
from ....store.run import latest_run
from ...build import build_model
from ..results import Facts
from ..run_facts import plan_facts, run_facts
from ..sharing import share_recordings
from ..work import Work


def fit_model(work: Work) -> Facts:
    """Fit a model to what the sweep recorded, whole or not."""
    run = latest_run(work.runs)
    lacking = share_recordings(run)
    built = build_model(run.folder, progress=work)
    facts: Facts = {
        "device": choose_device(None),
        "run": run.folder.name,
        "curves": [
            {
                "op": curve.op,
                "knots": len(curve.knots_tokens),
                "has_energy": curve.energy_mj is not None,
            }
            for curve in built.model.curves
        ],
        "unmeasured": built.model.unmeasured,
        "scrubbing": list(lacking),
        "warnings": list(built.warnings),
    }
    work.found(facts)
    return facts | run_facts(run) | plan_facts(run)
