"""Judge `step_time_model.json` by rows that it was not fitted to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...costmodel.steptime.features.steps import Array
from ...costmodel.steptime.prediction import found_score, step_fit_of, step_model_of
from ...costmodel.steptime.roofline import roofline_us
from ...costmodel.steptime.rows.serving_rows import ServingRows, columns_of
from ...store.document import read_document
from ...store.errors import BadInput
from ...store.serving.step_time_model import StepTimeFile
from .folder import read_folder

_LEAST_COVERAGE: Final = 0.86  # intervals of 90 % must hold so many
_MOST_WORSE: Final = 1.25  # times the error that the file says of configurations it never saw


@dataclass(frozen=True, slots=True)
class GroupScore:
    """Errors of one group of rows; shares, not percent.

    `bias` is the median of predicted / measured - 1, `coverage` the share of rows within the
    intervals of 90 %, `roofline` the median error of the roofline.
    """

    group: str
    rows: int
    median: float
    p90: float
    bias: float
    coverage: float | None
    roofline: float


@dataclass(frozen=True, slots=True)
class StepVerdict:
    """Scores of all rows first, then by source, GPU and kind of model; `why` the rows fail.

    `refused` maps reasons to rows.
    """

    scores: tuple[GroupScore, ...]
    why: tuple[str, ...]
    refused: dict[str, int]

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the file."""
        return not self.why


def validate_steps(path: Path, data: Path) -> StepVerdict:
    """Predict the rows of a folder by the model at `path`, and judge the errors.

    Raises BadInput for files of something else, and where more than half of the rows are refused or
    none has a mean step.
    """
    file = read_document(path, StepTimeFile)
    rows, refused = read_folder(data)
    refused.require_most()
    rows = rows.taken(np.flatnonzero(np.isfinite(rows.step_us)))
    if not len(rows):
        raise BadInput(f"no row of {data} has a mean step", hint="give rows with tpot_ms")
    predicted, roofline = step_model_of(file, "mean").step_us(rows), roofline_us(columns_of(rows))
    factor = step_fit_of(file, "mean").factors.get("90")
    scores = tuple(
        _score(name, rows, at, predicted, roofline, factor) for name, at in _groups(rows)
    )
    return StepVerdict(scores, tuple(_against(scores[0], file)), refused.by_reason)


def _groups(rows: ServingRows) -> list[tuple[str, NDArray[np.bool_]]]:
    kinds = np.where(rows.has_experts, "models with experts", "dense models")
    groups = [("all", np.ones(len(rows), dtype=bool))]
    for labels in (kinds, rows.source, rows.gpu_names):
        groups += [(str(name), labels == name) for name in np.unique(labels)]
    return groups


def _score(
    name: str,
    rows: ServingRows,
    at: NDArray[np.bool_],
    predicted: Array,
    roofline: Array,
    factor: float | None,
) -> GroupScore:
    ratio = predicted[at] / rows.step_us[at]
    off = np.abs(ratio - 1)
    within = None if factor is None else np.abs(np.log(ratio)) <= np.log(factor)
    return GroupScore(
        group=name,
        rows=int(at.sum()),
        median=float(np.median(off)),
        p90=float(np.quantile(off, 0.9)),
        bias=float(np.median(ratio) - 1),
        coverage=None if within is None else float(within.mean()),
        roofline=float(np.median(np.abs(roofline[at] / rows.step_us[at] - 1))),
    )


def _against(whole: GroupScore, file: StepTimeFile) -> list[str]:
    found, own = [], found_score(file, "mean").median
    if whole.median > _MOST_WORSE * own:
        found.append(
            f"the median error is {whole.median:.1%}, and {own:.1%} was found for configurations"
            " that no fit saw"
        )
    if whole.coverage is not None and whole.coverage < _LEAST_COVERAGE:
        found.append(f"intervals of 90 % hold {whole.coverage:.1%} of the rows")
    if whole.median >= whole.roofline:
        found.append(f"the roofline errs no more: {whole.roofline:.1%}")
    return found
