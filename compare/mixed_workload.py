"""Compare the measured energy of a mixed workload with the sum of a model's predictions."""

from dataclasses import replace
from typing import Final

from ..costmodel.model import KernelCostModel
from ..energy.mixed_workload import MeasuredWorkload
from ..stats.measured import Measured
from ..store.mixed_workload import Note
from ..store.percent import percent
from ..store.provenance import EnergySource
from ..store.verdicts.parts import Outcome
from ..store.verdicts.verdict import MixedWorkloadVerdict, Validation
from .launch_energy import COVERAGE_GATE, LaunchEnergy, idle_power_w, predict_energy
from .outcomes import overall
from .sensor import sensor_of

LIMIT: Final = 0.03  # largest relative error of the sum
NO_IDLE_POWER: Final = "the model knows no idle power for the gaps"


def with_mixed_workload(
    validation: Validation,
    model: KernelCostModel,
    found: MeasuredWorkload | str | None,
    *,
    limit: float | None = None,
) -> Validation:
    """Add the verdict on a mixed workload, if one was measured, to that on the model's curves.

    `found` is the result of `read_mixed_workload`; `limit` is the largest relative error of the
    sum, 3 % if None.
    """
    if found is None:
        return validation
    limit = limit or LIMIT
    if isinstance(found, str):
        verdict = _without_measurement(found, limit)
    else:
        verdict = judge_mixed_workload(model, found, limit)
    outcomes = [*(curve.outcome for curve in validation.curves), verdict.outcome]
    sensor = validation.sensor or sensor_of([verdict.energy_source])
    return replace(validation, outcome=overall(outcomes), replay=verdict, sensor=sensor)


def judge_mixed_workload(
    model: KernelCostModel, found: MeasuredWorkload, limit: float
) -> MixedWorkloadVerdict:
    """Compare the predicted energy, of launches and of idle power in the gaps, with the measured.

    PASS where the error is within the limit at both ends of the measured energy's 95 % interval,
    FAIL where it is beyond the limit at both ends, else AMBIGUOUS. Also AMBIGUOUS without a
    measured energy, without an idle power, where the machine was not quiet and it would pass, and
    where the energy of more than a tenth of the busy time is unknown; up to a tenth, such launches
    count at the mean power of the others.
    """
    launches = predict_energy(model, found.played)
    idle_w = idle_power_w(model)
    gap_j = None if idle_w is None else idle_w * found.gap_s
    whole_j = launches.whole_j
    predicted_j = None if whole_j is None or gap_j is None else whole_j + gap_j
    measured_j = found.cost.energy_mj.scaled(1e-3)
    withheld = _why_not_predicted(launches, idle_w)
    outcome, reason = _conclude(predicted_j, withheld, measured_j, limit)
    if found.disturbances and outcome is Outcome.PASS:
        outcome, reason = Outcome.AMBIGUOUS, f"{reason}, but the machine was not quiet"
    return MixedWorkloadVerdict(
        window_s=found.window_s,
        gap_s=found.gap_s,
        stretches=found.segments,
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
        marks=(*(flag.sentence for flag in found.cost.flags), *found.disturbances, *_notes(found)),
    )


def _without_measurement(why: str, limit: float) -> MixedWorkloadVerdict:
    """The verdict on a workload whose measurement broke off."""
    return MixedWorkloadVerdict(
        window_s=None,
        gap_s=None,
        stretches=0,
        launches_j=None,
        gap_j=None,
        predicted_j=None,
        measured_j=None,
        measured_ci95_j=None,
        energy_source=EnergySource.UNAVAILABLE,
        error=None,
        power_coverage=None,
        coverage_gate=COVERAGE_GATE,
        limit=limit,
        outcome=Outcome.AMBIGUOUS,
        reason=why,
        marks=(),
    )


def _why_not_predicted(launches: LaunchEnergy, idle_w: float | None) -> str | None:
    if launches.whole_j is None:
        return (
            f"the energy is withheld: the model has measured energy for {_pct(launches.coverage)}"
            f" of the time in which something ran, and the gate is {_pct(COVERAGE_GATE)}"
        )
    return NO_IDLE_POWER if idle_w is None else None


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
    """The operations that were left out of the workload, and those that ran without a graph."""
    out = [f"{_part(note)} took no part: {note.reason}" for note in found.left_out]
    eager = [
        f"{_part(note)} was launched one by one: {note.reason}"
        for note in found.launched_one_by_one
    ]
    return [*out, *eager]


def _part(note: Note) -> str:
    return f"{note.op} b={note.tokens}"
