"""Whether a model is still that of the recordings and tables of its run; by digests alone."""

import hashlib
from collections.abc import Sequence
from os.path import isfile
from pathlib import Path

from ..store.cost_model import CostModelFile
from ..store.errors import BadInput
from ..store.files import read_bytes
from ..store.fitted_runs import FittedRun
from ..store.recorded.sources import INCOMPLETE
from ..store.run import Run


def stale_sentence(path: Path, model: CostModelFile) -> str | None:
    """Say that the model at `path` may be older than its run, and the way out; None else."""
    reason = why_stale(path, model)
    return None if reason is None else f"{path} {reason}: moeprof build-model {path.parent}"


def why_stale(path: Path, model: CostModelFile) -> str | None:
    """Say why the model at `path` may be older than the run that it lies in.

    None where it is not, or where it lies in no run, as one that was copied elsewhere. The other
    runs of a merged model are compared where they lie beside its own.
    """
    run = Run(path.parent)
    if not isfile(run.plan_path):
        return None
    own = model.runs[0] if model.runs else FittedRun(model.points_sha256, None)
    reason = _recordings_differ(run, own)
    if reason is None and _points_differ(run, own):
        return "was built from other points than its run holds now"
    return reason or _others_differ(run, model.runs[1:])


def _others_differ(run: Run, others: Sequence[FittedRun]) -> str | None:
    """Compare the other runs of a merged model, where they lie beside its own."""
    for other in others:
        beside = None if other.run_id is None else Run(run.folder.parent / other.run_id)
        if beside is not None and isfile(beside.plan_path):
            if beside.sources_sha256() != other.sources_sha256:
                return f"was built from other recordings than {beside.folder} holds now"
    return None


def _recordings_differ(run: Run, own: FittedRun) -> str | None:
    sources_sha256 = run.sources_sha256()
    if own.sources_sha256 == sources_sha256:
        return None
    if own.sources_sha256 is None:
        return "was built by a moeprof that did not note from which recordings"
    if own.sources_sha256 == sources_sha256 + INCOMPLETE:
        return "was built without recordings of its run that are damaged"
    return "was built from other recordings than its run holds now"


def _points_differ(run: Run, own: FittedRun) -> bool:
    points = run.tables / "points.parquet"
    try:
        return hashlib.sha256(read_bytes(points)).hexdigest() != own.points_sha256
    except BadInput:  # no tables here: the recordings say whether the model is theirs
        return False
