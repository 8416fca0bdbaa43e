"""The energy of a mixed replay: the sum of a model's predictions beside what a meter saw."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final

from ..costmodel.model import KernelCostModel
from ..energy.counter import Measured
from ..energy.mixed_workload import MeasuredWorkload, Played
from ..store.cost_model import CurveModel, SurfaceModel
from ..store.errors import BadInput
from ..store.mixed_workload import Note
from ..store.percent import percent
from ..store.verdict import MixedWorkloadVerdict, Outcome, Validation
from .accuracy import overall
from .sensor import UNAVAILABLE, sensor_of

LIMIT: Final = 0.03  # of the error of the sum
COVERAGE_GATE: Final = 0.9
_NOT_MEASURED: Final = frozenset({UNAVAILABLE, "estimated"})


@dataclass(frozen=True, slots=True)
class _Launches:
    """What a model says of the launches: their energy, and how much of the time it knows.

    `missing` names what it does not know, with the reason.
    """

    energy_j: float
    covered_s: float
    busy_s: float
    missing: tuple[str, ...]

    @property
    def coverage(self) -> float:
        return self.covered_s / self.busy_s if self.busy_s else 0.0

    @property
    def whole_j(self) -> float | None:
        """Energy with the rest of the time at the mean power of what is known; None if too much."""
        return self.energy_j / self.coverage if self.coverage >= COVERAGE_GATE else None


def with_mixed_workload(
    validation: Validation,
    model: KernelCostModel,
    found: MeasuredWorkload | str | None,
    *,
    limit: float | None = None,
) -> Validation:
    """Add the verdict on a mixed replay, if there is one, to that on the model's curves.

    `found` is what `read_mixed_workload` gave; `limit` bounds the error of the sum, 3 % if left
    out.
    """
    if found is None:
        return validation
    limit = limit or LIMIT
    if isinstance(found, str):
        verdict = _without_replay(found, limit)
    else:
        verdict = judge_mixed_workload(model, found, limit)
    outcomes = [*(curve.outcome for curve in validation.curves), verdict.outcome]
    sensor = validation.sensor or sensor_of([verdict.energy_source])
    return replace(validation, outcome=overall(outcomes), replay=verdict, sensor=sensor)


def judge_mixed_workload(
    model: KernelCostModel, found: MeasuredWorkload, limit: float
) -> MixedWorkloadVerdict:
    """Judge the sum of predictions, and of idle power in the gaps, by a limit on its error.

    It passes where the error is within the limit at either end of the measured energy's 95 %
    interval, fails where it is beyond at both, and is ambiguous in between, and where anything is
    missing: the measured energy, the idle power, or the energy of more than a tenth of the time.
    What is missing of less is charged at the mean power of the rest.
    """
    launches = _predict(model, found.played)
    idle_w = _idle_power_w(model)
    gap_j = None if idle_w is None else idle_w * found.gap_s
    whole_j = launches.whole_j
    predicted_j = None if whole_j is None or gap_j is None else whole_j + gap_j
    measured_j = found.cost.energy_mj.scaled(1e-3)
    withheld = _why_not_predicted(launches, idle_w)
    outcome, reason = _conclude(predicted_j, withheld, measured_j, limit)
    return MixedWorkloadVerdict(
        window_s=found.window_s,
        gap_s=found.gap_s,
        stretches=found.stretches,
        launches_j=whole_j,
        gap_j=gap_j,
        predicted_j=predicted_j,
        measured_j=measured_j.value,
        measured_ci95_j=measured_j.ci95,
        energy_source=found.cost.source,
        error=_error(predicted_j, measured_j.value),
        power_coverage=launches.coverage,
        coverage_gate=COVERAGE_GATE,
        limit=limit,
        outcome=outcome,
        reason="; ".join([reason, *launches.missing]),
        marks=(*found.cost.marks, *_notes(found)),
    )


def _without_replay(why: str, limit: float) -> MixedWorkloadVerdict:
    """Give the verdict on a replay that broke off."""
    return MixedWorkloadVerdict(
        window_s=None,
        gap_s=None,
        stretches=0,
        launches_j=None,
        gap_j=None,
        predicted_j=None,
        measured_j=None,
        measured_ci95_j=None,
        energy_source=UNAVAILABLE,
        error=None,
        power_coverage=None,
        coverage_gate=COVERAGE_GATE,
        limit=limit,
        outcome=Outcome.AMBIGUOUS,
        reason=why,
        marks=(),
    )


def _predict(model: KernelCostModel, played: Sequence[Played]) -> _Launches:
    energy_mj, covered_s = 0.0, 0.0
    missing: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for part in played:
        launch_mj, reason = _energy_mj(model, part)
        if launch_mj is None:
            missing[reason][part.curve] += 1
        else:
            energy_mj += part.launches * launch_mj
            covered_s += part.busy_s
    busy_s = sum(part.busy_s for part in played)
    sentences = (_without(curves, reason) for reason, curves in missing.items())
    return _Launches(energy_mj / 1000, covered_s, busy_s, tuple(sentences))


def _without(sizes_of: Counter[str], reason: str) -> str:
    curves = ", ".join(f"{curve} at {sizes} size(s)" for curve, sizes in sizes_of.items())
    return f"no energy of {curves}: {reason}"


def _energy_mj(model: KernelCostModel, part: Played) -> tuple[float | None, str]:
    """Energy of one launch as the model has it from measurements; None with the reason."""
    try:
        cost = model.get_cost(part.curve, part.tokens)
    except BadInput as refusal:
        return None, refusal.message
    if cost.energy_mj is None or cost.energy_source in _NOT_MEASURED or cost.estimated:
        return None, cost.energy_reason or "it is an estimate"
    return cost.energy_mj, ""


def _idle_power_w(model: KernelCostModel) -> float | None:
    """Mean idle power of what the model holds, each of which had processes of its own."""
    fitted: tuple[CurveModel | SurfaceModel, ...] = (*model.curves, *model.file.surfaces)
    known = [one.idle_power_w for one in fitted if one.idle_power_w is not None]
    return fmean(known) if known else None


def _why_not_predicted(launches: _Launches, idle_w: float | None) -> str | None:
    if launches.whole_j is None:
        return (
            f"the energy is withheld: the model has measured energy for {_pct(launches.coverage)}"
            f" of the time in which something ran, and the gate is {_pct(COVERAGE_GATE)}"
        )
    return "the model knows no idle power for the gaps" if idle_w is None else None


def _error(predicted_j: float | None, measured_j: float | None) -> float | None:
    return None if predicted_j is None or measured_j is None else predicted_j / measured_j - 1


def _conclude(
    predicted_j: float | None, withheld: str | None, measured_j: Measured, limit: float
) -> tuple[Outcome, str]:
    if predicted_j is None:
        return Outcome.AMBIGUOUS, str(withheld)
    if measured_j.value is None or measured_j.ci95 is None:
        return Outcome.AMBIGUOUS, f"no energy was measured: {measured_j.reason}"
    low = predicted_j / (measured_j.value + measured_j.ci95) - 1
    high = predicted_j / (measured_j.value - measured_j.ci95) - 1
    span = f"the sum is off by {_pct(low, '+')} to {_pct(high, '+')}"
    if max(abs(low), abs(high)) <= limit:
        return Outcome.PASS, f"{span}, within the limit of {_pct(limit)}"
    if low > limit or high < -limit:
        return Outcome.FAIL, f"{span}, beyond the limit of {_pct(limit)}"
    return Outcome.AMBIGUOUS, f"{span}, and the limit of {_pct(limit)} is within"


def _pct(share: float, sign: str = "") -> str:
    return f"{percent(share, sign=sign)} %"


def _notes(found: MeasuredWorkload) -> list[str]:
    """What took no part in the replay, and what ran in it otherwise than in the power pass."""
    out = [f"{_part(note)} took no part: {note.reason}" for note in found.left_out]
    eager = [
        f"{_part(note)} was launched one by one: {note.reason}"
        for note in found.launched_one_by_one
    ]
    return [*out, *eager]


def _part(note: Note) -> str:
    return f"{note.op} b={note.tokens}"
