"""A predicted step as a program gets it."""

from ...costmodel.steptime.features.steps import Array
from ...costmodel.steptime.prediction.predict import StepPrediction
from ...store.serving.predicted_steps import (
    PredictedCalibration,
    PredictedKnown,
    PredictedRouting,
    PredictedStep,
)
from .asked import Asked
from .predict import Predicted


def predicted_step(
    asked: Asked, found: Predicted, at: int, *, on_front: bool | None
) -> PredictedStep:
    """The step of one batch, as a program gets it."""
    steps, plan = found.steps, found.schedule
    return PredictedStep(
        tp=asked.tp,
        batch=asked.batches[at],
        running=float(plan.steps.running[at]),
        bounded_by=plan.bounds[at] or None,
        fitting_requests=plan.fitting,
        preemptions_per_request=float(plan.preemptions[at]),
        recomputed_tokens_per_request=float(plan.recomputed_tokens[at]),
        kind=steps.target,
        step_us=float(steps.step_us[at]),
        low_us=_value(steps.low_us, at),
        high_us=_value(steps.high_us, at),
        parts_us={name: float(values[at]) for name, values in steps.parts_us.items()},
        power_w=_value(steps.power_w, at),
        j_per_token=_value(steps.j_per_token, at),
        low_j_per_token=_value(steps.low_j_per_token, at),
        high_j_per_token=_value(steps.high_j_per_token, at),
        tokens_per_s=float(steps.tokens_per_s[at]),
        unseen=steps.unseen,
        beyond=steps.beyond[at],
        not_in_rows=found.not_in_rows,
        in_bf16=found.in_bf16,
        kernel_weight=steps.kernel_weight,
        known=_known(steps, at),
        calibration=_calibration(steps, at),
        routing=_routing(found, at),
        on_front=on_front,
    )


def _routing(found: Predicted, at: int) -> PredictedRouting | None:
    saving, policy = found.saving, found.policy
    if saving is None or policy is None:
        return None
    return PredictedRouting(
        policy=policy.origin,
        active_experts=float(saving.active[at]),
        own_active_experts=float(saving.own_active[at]),
        own_step_us=float(saving.own_step_us[at]),
        saved_us=float(saving.saved_us[at]),
        saved_share=float(saving.saved_share[at]),
        low_share=_value(saving.low_share, at),
        high_share=_value(saving.high_share, at),
        own_j_per_token=_value(saving.own_j_per_token, at),
        saved_j_per_token=_value(saving.saved_j_per_token, at),
    )


def _calibration(steps: StepPrediction, at: int) -> PredictedCalibration | None:
    if (found := steps.calibration) is None:
        return None
    return PredictedCalibration(points=found.points, ratio=float(found.ratio[at]))


def _known(steps: StepPrediction, at: int) -> PredictedKnown | None:
    if (known := steps.known) is None:
        return None
    return PredictedKnown(
        form=known.form.form,
        rows=known.form.rows,
        in_range=bool(known.inside[at]),
        mean_log_errors=known.form.errors,
    )


def _value(values: Array | None, at: int) -> float | None:
    return None if values is None else float(values[at])
